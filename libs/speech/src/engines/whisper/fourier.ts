import { SpeechError } from '../../speech-error';

/** A complex sequence, with real and imaginary parts in separate arrays. */
export interface ComplexSequence {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** A sequence of zeros. */
export const newComplexSequence = (length: number): ComplexSequence => ({
  re: new Float64Array(length),
  im: new Float64Array(length),
});

const cos72 = Math.cos((2 * Math.PI) / 5);
const cos144 = Math.cos((4 * Math.PI) / 5);
const sin72 = Math.sin((2 * Math.PI) / 5);
const sin144 = Math.sin((4 * Math.PI) / 5);

/**
 * Fast Fourier transform of lengths that are products of fours and fives, such as the 400 samples of a Whisper frame.
 * Self-sorting (Stockham), in double precision.
 */
export class FourierTransform {
  private readonly factors: readonly (4 | 5)[];
  private readonly twiddles: ComplexSequence;
  private readonly scratch: ComplexSequence;

  constructor(readonly length: number) {
    this.factors = factorsOf(length);
    this.scratch = newComplexSequence(length);
    this.twiddles = newComplexSequence(length);
    for (let index = 0; index < length; index += 1) {
      this.twiddles.re[index] = Math.cos((2 * Math.PI * index) / length);
      this.twiddles.im[index] = -Math.sin((2 * Math.PI * index) / length);
    }
  }

  /** Replaces `values` by their transform, in place. */
  forward(values: ComplexSequence): void {
    let from = values;
    let to = this.scratch;
    let stride = 1;
    for (const factor of this.factors) {
      if (factor === 4) this.fours(from, to, stride);
      else this.fives(from, to, stride);
      const swap = from;
      from = to;
      to = swap;
      stride *= factor;
    }
    if (from === values) return;
    values.re.set(from.re);
    values.im.set(from.im);
  }

  private fours({ re, im }: ComplexSequence, to: ComplexSequence, stride: number): void {
    const step = this.length / 4;
    for (let p = 0; p < step / stride; p += 1) {
      for (let q = 0; q < stride; q += 1) {
        const a = q + stride * p;
        const sumRe = re[a]! + re[a + 2 * step]!;
        const sumIm = im[a]! + im[a + 2 * step]!;
        const gapRe = re[a]! - re[a + 2 * step]!;
        const gapIm = im[a]! - im[a + 2 * step]!;
        const oddSumRe = re[a + step]! + re[a + 3 * step]!;
        const oddSumIm = im[a + step]! + im[a + 3 * step]!;
        const oddGapRe = im[a + step]! - im[a + 3 * step]!;
        const oddGapIm = re[a + 3 * step]! - re[a + step]!;
        const out = q + stride * 4 * p;
        this.put(to, out, 0, sumRe + oddSumRe, sumIm + oddSumIm);
        this.put(to, out + stride, p * stride, gapRe + oddGapRe, gapIm + oddGapIm);
        this.put(to, out + 2 * stride, 2 * p * stride, sumRe - oddSumRe, sumIm - oddSumIm);
        this.put(to, out + 3 * stride, 3 * p * stride, gapRe - oddGapRe, gapIm - oddGapIm);
      }
    }
  }

  private fives({ re, im }: ComplexSequence, to: ComplexSequence, stride: number): void {
    const step = this.length / 5;
    for (let p = 0; p < step / stride; p += 1) {
      for (let q = 0; q < stride; q += 1) {
        const a = q + stride * p;
        const outerRe = re[a + step]! + re[a + 4 * step]!;
        const outerIm = im[a + step]! + im[a + 4 * step]!;
        const innerRe = re[a + 2 * step]! + re[a + 3 * step]!;
        const innerIm = im[a + 2 * step]! + im[a + 3 * step]!;
        const outerGapRe = re[a + step]! - re[a + 4 * step]!;
        const outerGapIm = im[a + step]! - im[a + 4 * step]!;
        const innerGapRe = re[a + 2 * step]! - re[a + 3 * step]!;
        const innerGapIm = im[a + 2 * step]! - im[a + 3 * step]!;
        const re1 = re[a]! + cos72 * outerRe + cos144 * innerRe;
        const im1 = im[a]! + cos72 * outerIm + cos144 * innerIm;
        const re2 = re[a]! + cos144 * outerRe + cos72 * innerRe;
        const im2 = im[a]! + cos144 * outerIm + cos72 * innerIm;
        const turnRe1 = sin72 * outerGapIm + sin144 * innerGapIm;
        const turnIm1 = -sin72 * outerGapRe - sin144 * innerGapRe;
        const turnRe2 = sin144 * outerGapIm - sin72 * innerGapIm;
        const turnIm2 = -sin144 * outerGapRe + sin72 * innerGapRe;
        const out = q + stride * 5 * p;
        this.put(to, out, 0, re[a]! + outerRe + innerRe, im[a]! + outerIm + innerIm);
        this.put(to, out + stride, p * stride, re1 + turnRe1, im1 + turnIm1);
        this.put(to, out + 2 * stride, 2 * p * stride, re2 + turnRe2, im2 + turnIm2);
        this.put(to, out + 3 * stride, 3 * p * stride, re2 - turnRe2, im2 - turnIm2);
        this.put(to, out + 4 * stride, 4 * p * stride, re1 - turnRe1, im1 - turnIm1);
      }
    }
  }

  private put(to: ComplexSequence, at: number, twiddle: number, re: number, im: number): void {
    const cosine = this.twiddles.re[twiddle]!;
    const sine = this.twiddles.im[twiddle]!;
    to.re[at] = re * cosine - im * sine;
    to.im[at] = re * sine + im * cosine;
  }
}

function factorsOf(length: number): (4 | 5)[] {
  const factors: (4 | 5)[] = [];
  let rest = length;
  for (const factor of [4, 5] as const) {
    for (; rest % factor === 0; rest /= factor) factors.push(factor);
  }
  if (rest !== 1) throw new SpeechError(`${length} is not a product of fours and fives`);
  return factors;
}
