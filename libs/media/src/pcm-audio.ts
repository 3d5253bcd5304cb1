import { PcmDecoder, sttSampleRateHz, WavReader, type PcmEncoding } from '@app/speech/audio';
import { joined, SpeechTrack, type ReceivedAudio } from './speech-track';

/** The format of audio without a header. */
export interface RawFormat {
  readonly encoding: PcmEncoding;
  readonly sampleRateHz: number;
}

/** Uncompressed audio that is decoded as it arrives: mono, 16 kHz, 16 bits. Throws a SpeechError, or `RecordingTooLong`. */
export interface PcmAudio {
  /** All audio so far. */
  readonly received: ReceivedAudio;
  push(bytes: Uint8Array): Int16Array;
  /** Returns the remaining samples when no more bytes come. */
  end(): Int16Array;
}

/** Mono PCM without a header, in pieces of any length. */
export class RawAudio implements PcmAudio {
  private readonly decoder: PcmDecoder;
  private readonly track: SpeechTrack;

  constructor(
    private readonly format: RawFormat,
    maxSeconds = Infinity,
  ) {
    this.decoder = new PcmDecoder(format.encoding);
    this.track = new SpeechTrack(maxSeconds);
  }

  get received(): ReceivedAudio {
    return { ...this.track.received, sampleRateHz: this.format.sampleRateHz };
  }

  push(bytes: Uint8Array): Int16Array {
    return this.track.push(this.decoder.push(bytes), this.format.sampleRateHz);
  }

  end(): Int16Array {
    return this.track.flush();
  }
}

/** A WAV file, in pieces of any length. */
export class WavAudio implements PcmAudio {
  private readonly reader = new WavReader();
  private readonly track: SpeechTrack;

  constructor(maxSeconds: number) {
    this.track = new SpeechTrack(maxSeconds);
  }

  get received(): ReceivedAudio {
    return { ...this.track.received, sampleRateHz: this.reader.format?.sampleRateHz ?? sttSampleRateHz };
  }

  push(bytes: Uint8Array): Int16Array {
    return this.take(this.reader.push(bytes));
  }

  end(): Int16Array {
    return joined(this.take(this.reader.end()), this.track.flush());
  }

  private take(mono: Float32Array): Int16Array {
    return this.track.push(mono, this.reader.format?.sampleRateHz ?? sttSampleRateHz);
  }
}
