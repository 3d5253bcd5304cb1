import { setImmediate } from 'node:timers/promises';
import { ProblemError } from '@app/protocol';
import { sniffAudio, SpeechError, sttSampleRateHz } from '@app/speech/audio';
import type { DecoderThread, SampleSink } from './decoder-thread';
import { RecordingTooLong } from './limits';
import { RawAudio, WavAudio, type PcmAudio, type RawFormat } from './pcm-audio';
import type { ReceivedAudio } from './speech-track';
import type { CompressedContainer } from './thread-messages';

/** Number of bytes that identify the type of a file. */
const sniffBytes = 512;
/**
 * Number of bytes that are decoded at once. Other work can run between two pieces of uncompressed audio, which can be
 * seconds long: 4 s at 1 kHz.
 */
const pieceBytes = 4_096;
/** Number of bytes that are sent to a thread at once. */
const threadPieceBytes = 32_768;

/** The formats that a file may have, for the sender of another one. */
export const supportedFormats = 'WAV, MP3, M4A or MP4 (AAC), AAC, FLAC, Ogg (Opus, Vorbis, FLAC), WebM (Opus)';

/** How one recording is decoded. */
export interface RecordingOptions {
  readonly raw: RawFormat | undefined;
  readonly maxSeconds: number;
  /** Waits for a thread. Throws if there is none in time, or if the signal aborts. */
  openThread(container: CompressedContainer, signal: AbortSignal): Promise<DecoderThread>;
}

/**
 * One recording that arrives in pieces of any length. Every method throws `audio_not_supported` if the content is not
 * audio of a known format, or is damaged. It throws `too_large` if the audio is too long, and `worker_unavailable` if
 * too many compressed recordings are decoded.
 */
export class RecordingDecoder {
  private head: Buffer = Buffer.alloc(0);
  private pcm: PcmAudio | undefined;
  private thread: DecoderThread | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly sink: SampleSink,
    private readonly options: RecordingOptions,
  ) {}

  /** All audio so far. */
  get received(): ReceivedAudio {
    return this.pcm?.received ?? this.thread?.received ?? { samples: 0, sampleRateHz: sttSampleRateHz };
  }

  /** Resolves when the decoder wants more. */
  async write(bytes: Uint8Array): Promise<void> {
    await understood(async () => {
      if (this.pcm || this.thread) return this.feed(bytes);
      this.head = Buffer.concat([this.head, bytes]);
      if (this.head.length >= sniffBytes) await this.start();
    });
  }

  /** Resolves when the sink has taken all audio. */
  async end(): Promise<void> {
    await understood(async () => {
      if (!this.pcm && !this.thread) await this.start();
      if (this.pcm) await this.give(this.pcm.end());
      await this.thread?.end();
    });
  }

  /** Stops decoding. Call it when the recording is not needed any more, also after its end. */
  close(): void {
    this.closing.abort();
    this.thread?.close();
  }

  private async start(): Promise<void> {
    const { head } = this;
    const { raw, maxSeconds } = this.options;
    const container = sniffAudio(head);
    if (head.length === 0) throw new SpeechError('The file is empty');
    if (container === 'wav') this.pcm = new WavAudio(maxSeconds);
    else if (raw && !hasMagic(container, head)) this.pcm = new RawAudio(raw, maxSeconds);
    else if (container === 'raw-or-unknown')
      throw new SpeechError(`The file has none of the known formats. Send ${supportedFormats}`);
    else this.thread = await this.options.openThread(container, this.closing.signal);
    if (this.closing.signal.aborted) this.close();
    this.head = Buffer.alloc(0);
    await this.feed(head);
  }

  private async feed(bytes: Uint8Array): Promise<void> {
    const { pcm, thread } = this;
    const most = pcm ? pieceBytes : threadPieceBytes;
    for (let at = 0; at < bytes.length; at += most) {
      const piece = bytes.subarray(at, at + most);
      // Also before the first piece: a sender's pieces may be small, and many of them may have arrived.
      if (pcm) await setImmediate();
      if (pcm) await this.give(pcm.push(piece));
      else await thread?.write(piece);
    }
  }

  private async give(samples: Int16Array): Promise<void> {
    if (samples.length > 0 && !this.closing.signal.aborted) await this.sink(samples);
  }
}

/**
 * Samples can look like an MP3 or ADTS frame by chance. They do not begin with the magic bytes of a container or of an
 * ID3 tag by chance.
 */
const hasMagic = (container: string, head: Buffer): boolean =>
  ['flac', 'ogg', 'mp4', 'webm'].includes(container) || head.toString('latin1', 0, 3) === 'ID3';

async function understood(decode: () => Promise<void>): Promise<void> {
  try {
    await decode();
  } catch (error) {
    const detail = error instanceof Error ? `${error.message}.` : '';
    if (error instanceof RecordingTooLong) throw new ProblemError('too_large', { detail, cause: error });
    if (error instanceof SpeechError) throw new ProblemError('audio_not_supported', { detail, cause: error });
    throw error;
  }
}
