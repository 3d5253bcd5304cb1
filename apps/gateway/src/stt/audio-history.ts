import { maxAudioInputBytes } from '@app/protocol';

const maxReadSamples = maxAudioInputBytes / 2;

/** Audio of an STT stream by the number of its sample, from the oldest that may be needed again to the newest. */
export class AudioHistory {
  private readonly pieces: { readonly startSample: number; readonly samples: Int16Array }[] = [];
  private start = 0;
  private end = 0;

  /** First sample that is still here. */
  get startSample(): number {
    return this.start;
  }

  /** One beyond the newest. */
  get endSample(): number {
    return this.end;
  }

  append(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.pieces.push({ startSample: this.end, samples });
    this.end += samples.length;
  }

  /** Audio from a sample on, as much as fits one message and lies before `limitSample`; a view. */
  read(fromSample: number, limitSample: number): Int16Array {
    const piece = this.pieces.find(({ startSample, samples }) => fromSample < startSample + samples.length);
    if (!piece || fromSample < piece.startSample) return new Int16Array(0);
    const from = fromSample - piece.startSample;
    return piece.samples.subarray(from, Math.min(from + maxReadSamples, limitSample - piece.startSample));
  }

  /** Audio before this sample will not be asked for again; whole pieces are freed. */
  dropBefore(sample: number): void {
    while (this.pieces[0] && this.pieces[0].startSample + this.pieces[0].samples.length <= sample) this.pieces.shift();
    this.start = Math.max(this.start, Math.min(this.pieces[0]?.startSample ?? this.end, this.end));
  }
}
