const tableBits = 16;

/** Numbers of the independent noise streams of one seed. */
export const noiseStream = { duration: 1, latent: 2 } as const;

/**
 * Standard normal noise as a pure function of (seed, stream, row, column). A value depends neither on the number of
 * requested values nor on earlier requests. A row is a frame or a phoneme, a column is a channel.
 */
export class Noise {
  private readonly key: number;
  private readonly quantiles = normalQuantiles();

  constructor(seed: number, stream: number) {
    const high = Math.floor(seed / 0x1_0000_0000);
    this.key = mix(mix(mix(seed >>> 0) ^ (high >>> 0)) ^ stream);
  }

  /**
   * Writes rows [firstRow, firstRow + rows). The value of (row, column) is at index `column * rows + row - firstRow`.
   */
  fillColumns(target: Float32Array, firstRow: number, rows: number, columns: number): void {
    const { quantiles } = this;
    for (let row = 0; row < rows; row += 1) {
      const rowKey = mix(this.key ^ Math.imul(firstRow + row + 1, 0x9e3779b1));
      for (let column = 0; column < columns; column += 2) {
        const bits = mix(rowKey + Math.imul(column + 1, 0x85ebca6b));
        target[column * rows + row] = quantiles[bits >>> tableBits] ?? 0;
        if (column + 1 < columns) target[(column + 1) * rows + row] = quantiles[bits & 0xffff] ?? 0;
      }
    }
  }
}

/** A bijection of 32 bits. Every output bit depends on every input bit (constants of lowbias32 by C. Wellons). */
function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0xd35a2d97);
  return bits ^ (bits >>> 15);
}

let quantiles: Float32Array | undefined;

/**
 * Quantiles of the normal distribution at the middle of 65,536 equal steps of probability. The largest is 4.3 standard
 * deviations.
 */
function normalQuantiles(): Float32Array {
  const steps = 1 << tableBits;
  quantiles ??= Float32Array.from({ length: steps }, (_, index) => normalQuantile((index + 0.5) / steps));
  return quantiles;
}

/** P. Acklam's rational approximation, relative error below 1.2e-9. */
function normalQuantile(probability: number): number {
  if (probability > 0.5) return -normalQuantile(1 - probability);
  if (probability < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(probability));
    return polynomial(tailAbove, q) / polynomial(tailBelow, q);
  }
  const q = probability - 0.5;
  const r = q * q;
  return (polynomial(middleAbove, r) * q) / polynomial(middleBelow, r);
}

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);

const middleAbove = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
];
const middleBelow = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
];
const tailAbove = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const tailBelow = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];
