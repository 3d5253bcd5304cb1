import { ProblemError } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import {
  PcmDecoder,
  Resampler,
  sniffAudio,
  SpeechError,
  toInt16,
  WavReader,
  type PcmEncoding,
} from '@app/speech/audio';

/** Number of bytes that identify the type of a file. */
const sniffBytes = 512;

/** The format of audio without a header. */
export interface RawFormat {
  readonly encoding: PcmEncoding;
  readonly sampleRateHz: number;
}

/** Audio as the client sent it: samples of one channel, at the client's sample rate. */
export interface ReceivedAudio {
  readonly samples: number;
  readonly sampleRateHz: number;
}

/** Decodes a client's audio to mono, 16 kHz, 16 bits. Throws `audio_not_supported`. */
export interface AudioInput {
  /** All audio so far. */
  readonly received: ReceivedAudio;
  push(bytes: Uint8Array): Int16Array;
  /** Returns the remaining samples when no more bytes come. */
  end(): Int16Array;
}

/** Mono PCM without a header, in pieces of any length. */
export class RawAudioInput implements AudioInput {
  private readonly decoder: PcmDecoder;
  private readonly resampler: Resampler;
  private samples = 0;

  constructor(private readonly format: RawFormat) {
    this.decoder = new PcmDecoder(format.encoding);
    this.resampler = translated(() => new Resampler(format.sampleRateHz, sttSampleRateHz));
  }

  get received(): ReceivedAudio {
    return { samples: this.samples, sampleRateHz: this.format.sampleRateHz };
  }

  push(bytes: Uint8Array): Int16Array {
    const samples = this.decoder.push(bytes);
    this.samples += samples.length;
    return toInt16(this.resampler.push(samples));
  }

  end(): Int16Array {
    return toInt16(this.resampler.flush());
  }
}

class WavAudioInput implements AudioInput {
  private readonly reader = new WavReader();
  private resampler: Resampler | undefined;
  private samples = 0;

  get received(): ReceivedAudio {
    return { samples: this.samples, sampleRateHz: this.reader.format?.sampleRateHz ?? sttSampleRateHz };
  }

  push(bytes: Uint8Array): Int16Array {
    return translated(() => {
      const samples = this.reader.push(bytes);
      this.samples += samples.length;
      if (!this.reader.format) return new Int16Array(0);
      this.resampler ??= new Resampler(this.reader.format.sampleRateHz, sttSampleRateHz);
      return toInt16(this.resampler.push(samples));
    });
  }

  end(): Int16Array {
    return translated(() => {
      this.reader.end();
      return toInt16(this.resampler?.flush() ?? new Float32Array(0));
    });
  }
}

/** A file whose type is detected from its first bytes. `raw` is the format of a file without a header. */
export class FileAudioInput implements AudioInput {
  private head: Buffer = Buffer.alloc(0);
  private input: AudioInput | undefined;

  constructor(private readonly raw: RawFormat | undefined) {}

  get received(): ReceivedAudio {
    return this.input?.received ?? { samples: 0, sampleRateHz: sttSampleRateHz };
  }

  push(bytes: Uint8Array): Int16Array {
    if (this.input) return this.input.push(bytes);
    this.head = Buffer.concat([this.head, bytes]);
    return this.head.length < sniffBytes ? new Int16Array(0) : this.start().push(this.head);
  }

  end(): Int16Array {
    if (this.input) return this.input.end();
    const input = this.start();
    const [first, last] = [input.push(this.head), input.end()];
    const all = new Int16Array(first.length + last.length);
    all.set(first);
    all.set(last, first.length);
    return all;
  }

  private start(): AudioInput {
    const container = sniffAudio(this.head);
    if (container === 'wav') this.input = new WavAudioInput();
    else if (this.raw) this.input = new RawAudioInput(this.raw);
    else if (container === 'raw-or-unknown') throw new ProblemError('audio_not_supported');
    else {
      const detail = `Audio in ${container} is not supported. Send WAV, or raw PCM with encoding and sample_rate.`;
      throw new ProblemError('audio_not_supported', { detail });
    }
    return this.input;
  }
}

function translated<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SpeechError)
      throw new ProblemError('audio_not_supported', { detail: `${error.message}.`, cause: error });
    throw error;
  }
}
