import { generation, samplesOfEvents, TtsClient, type Target } from '../../tools/client/tts-client';
import { transcribeStream } from '../../tools/client/stt-client';
import { until } from './until';

/** What a client knows of a request whose end it was told. */
export interface ToldRequest {
  readonly kind: 'tts' | 'stt';
  readonly characters: number;
  /** Received (TTS) or sent (STT), at the rate of the client. */
  readonly audioSamples: number;
}

/** A recording and its rate. */
export interface Recording {
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
}

const longText = 'It was a long road, and nobody knew where it went. '.repeat(40);
/** Of a short STT stream, and how many times as fast as speech it is sent. */
const shortSeconds = 2;
const shortPace = 4;

/**
 * Clients that speak and transcribe without a pause, each request after the end of the one before, and record what they were
 * told. A client whose connection breaks opens another one. No two requests are equally long.
 */
export class SpeechLoad {
  readonly told: ToldRequest[] = [];
  /** What clients were told as an error. */
  readonly refused: string[] = [];
  private readonly inLong = new Set<number>();
  private readonly running: Promise<void>[] = [];
  private count = 0;
  private long = false;
  private stopped = false;

  constructor(
    private readonly target: Target,
    private readonly recording: Recording,
  ) {}

  start(speakers: number): void {
    for (let index = 0; index < speakers; index += 1) this.running.push(this.repeat(() => this.speak(index)));
    this.running.push(this.repeat(() => this.transcribe(speakers)));
  }

  /** Resolves when so many more requests of each kind have ended. */
  async more(requests: number): Promise<void> {
    const ended = (kind: string): number => this.told.filter((each) => each.kind === kind).length;
    const wanted = { tts: ended('tts') + requests, stt: ended('stt') + requests };
    await until(() => ended('tts') >= wanted.tts && ended('stt') >= wanted.stt);
  }

  /** Resolves when every client is in a request that has begun and is far from its end; until `goOn` no other begins. */
  async holdInLong(): Promise<void> {
    this.long = true;
    await until(() => this.inLong.size === this.running.length);
  }

  /** Requests are short again, from the next ones on. */
  goOn(): void {
    this.long = false;
    this.inLong.clear();
  }

  /** Resolves when the requests that run have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async repeat(request: () => Promise<void>): Promise<void> {
    while (!this.stopped) {
      try {
        await request();
      } catch {
        // The connection broke or could not be opened: nothing was told.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  private async speak(index: number): Promise<void> {
    const { long } = this;
    const text = long ? longText : `This is the sentence with the number ${'x'.repeat((this.count += 1))}.`;
    const client = await TtsClient.open(this.target);
    try {
      client.send('context', { ...generation(), transcript: text, continue: false });
      await client.until('context', ({ type, done }) => type === 'chunk' || done);
      if (long) this.inLong.add(index);
      const events = await client.until('context', ({ done }) => done);
      const failed = events.find(({ event }) => event.type === 'error');
      if (failed) this.refused.push(`tts: ${failed.event.error_code}`);
      const audioSamples = samplesOfEvents(events).length;
      this.told.push({ kind: 'tts', characters: audioSamples > 0 ? text.length : 0, audioSamples });
    } finally {
      client.close();
    }
  }

  private async transcribe(index: number): Promise<void> {
    const { long, recording, target } = this;
    const { sampleRateHz } = recording;
    const length = long ? recording.samples.length : shortSeconds * sampleRateHz + (this.count += 1);
    const run = transcribeStream(target, recording.samples.subarray(0, length), sampleRateHz, long ? 1 : shortPace);
    if (long) this.inLong.add(index);
    const { events } = await run;
    const last = events.at(-1)?.event;
    if (last?.type === 'error') this.refused.push(`stt: ${last.message}`);
    if (last?.type === 'done' || last?.type === 'error')
      this.told.push({ kind: 'stt', characters: 0, audioSamples: length });
    else throw new Error('the stream broke');
  }
}
