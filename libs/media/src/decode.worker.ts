import { parentPort, workerData } from 'node:worker_threads';
import { ChannelMixer, SpeechError } from '@app/speech/audio';
import { RecordingTooLong } from './limits';
import { SpeechTrack } from './speech-track';
import { ByteQueue } from './thread/byte-queue';
import { decode } from './thread/decode';
import type { Decoded } from './thread/decoded';
import type { ThreadInput, ThreadOutput, ThreadTask } from './thread-messages';

/** Pieces of audio that may wait for the sink. */
const maxWaitingPieces = 4;
/** Samples that are gathered before they are sent: half a second. */
const pieceSamples = 8_000;

/** Decodes the recording whose bytes the gateway sends to this thread. */
class DecoderThreadMain {
  private readonly input = new ByteQueue((bytes) => this.send({ type: 'taken', bytes }));
  private readonly track: SpeechTrack;
  private mixer: { readonly channels: number; readonly sampleRateHz: number; readonly of: ChannelMixer } | undefined;
  private gathered: Int16Array[] = [];
  private waitingPieces = 0;
  private onRoom: () => void = () => undefined;

  constructor(private readonly task: ThreadTask) {
    this.track = new SpeechTrack(task.maxSeconds);
  }

  receive(message: ThreadInput): void {
    switch (message.type) {
      case 'bytes':
        return this.input.push(message.bytes);
      case 'end':
        return this.input.end();
      case 'room':
        this.waitingPieces--;
        this.onRoom();
    }
  }

  async run(): Promise<void> {
    try {
      for await (const audio of decode(this.task.container, this.input, this.task.maxHeldBytes)) await this.give(audio);
      this.gathered.push(this.flushMixer(), this.track.flush());
      await this.emit();
      this.send({ type: 'done' });
    } catch (error) {
      this.send(refusal(error));
    }
  }

  private async give({ channels, sampleRateHz }: Decoded): Promise<void> {
    if (this.mixer?.channels !== channels.length || this.mixer.sampleRateHz !== sampleRateHz) {
      this.gathered.push(this.flushMixer());
      this.mixer = { channels: channels.length, sampleRateHz, of: new ChannelMixer(channels.length, sampleRateHz) };
    }
    this.gathered.push(this.track.push(this.mixer.of.push(interleaved(channels)), sampleRateHz));
    if (this.gathered.reduce((sum, { length }) => sum + length, 0) >= pieceSamples) await this.emit();
  }

  private flushMixer(): Int16Array {
    return this.mixer ? this.track.push(this.mixer.of.flush(), this.mixer.sampleRateHz) : new Int16Array(0);
  }

  private async emit(): Promise<void> {
    const samples = new Int16Array(this.gathered.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of this.gathered) {
      samples.set(piece, at);
      at += piece.length;
    }
    this.gathered = [];
    if (samples.length === 0) return;
    while (this.waitingPieces >= maxWaitingPieces) await new Promise<void>((resolve) => (this.onRoom = resolve));
    this.waitingPieces++;
    this.send({ type: 'audio', samples, received: this.track.received });
  }

  private send(message: ThreadOutput): void {
    parentPort?.postMessage(message);
  }
}

function interleaved(channels: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(0)] = channels;
  if (channels.length === 1) return first;
  const samples = new Float32Array(first.length * channels.length);
  channels.forEach((channel, number) => {
    for (let at = 0; at < first.length; at++) samples[at * channels.length + number] = channel[at] ?? 0;
  });
  return samples;
}

function refusal(error: unknown): ThreadOutput {
  const why = error instanceof RecordingTooLong ? 'too long' : 'not supported';
  const isKnown = error instanceof SpeechError || error instanceof RecordingTooLong;
  return {
    type: 'refused',
    why,
    reason: isKnown ? error.message : 'The audio could not be decoded. It is probably damaged',
  };
}

const main = new DecoderThreadMain(workerData as ThreadTask);
parentPort?.on('message', (message: ThreadInput) => main.receive(message));
void main.run();
