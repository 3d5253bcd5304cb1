import { maxAudioInputBytes } from '@app/protocol';

const maxReadSamples = maxAudioInputBytes / 2;

/** The audio of an STT stream by sample number, from the oldest that may be needed again to the newest. */
export class AudioHistory {
  private readonly pieces: { readonly startSample: number; readonly samples: Int16Array }[] = [];
  private start = 0;
  private end = 0;

  /** The first sample that is stored. */
  get startSample(): number {
    return this.start;
  }

  /** The sample after the newest one. */
  get endSample(): number {
    return this.end;
  }

  append(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.pieces.push({ startSample: this.end, samples });
    this.end += samples.length;
  }

  /** A view of the audio from a sample on. It ends before `limitSample` and fits into one message. */
  read(fromSample: number, limitSample: number): Int16Array {
    const piece = this.pieces.find(({ startSample, samples }) => fromSample < startSample + samples.length);
    if (!piece || fromSample < piece.startSample) return new Int16Array(0);
    const from = fromSample - piece.startSample;
    return piece.samples.subarray(from, Math.min(from + maxReadSamples, limitSample - piece.startSample));
  }

  /** Drops audio before this sample, which will not be read again. Frees whole pieces only. */
  dropBefore(sample: number): void {
    while (this.pieces[0] && this.pieces[0].startSample + this.pieces[0].samples.length <= sample) this.pieces.shift();
    this.start = Math.max(this.start, Math.min(this.pieces[0]?.startSample ?? this.end, this.end));
  }
}
