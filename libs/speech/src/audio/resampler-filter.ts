/** A windowed-sinc low-pass filter, sampled at each fraction of an input sample at which an output can lie. */
export interface PolyphaseFilter {
  /** An even number. An output at input position p uses samples floor(p) - taps / 2 + 1 to floor(p) + taps / 2. */
  readonly taps: number;
  /** Row r holds the taps for a fraction of r / rows. */
  readonly rows: number;
  /** [rows + 1, taps]. The last row exists only for interpolation. */
  readonly coefficients: Float64Array;
  /** Whether `rows` is the exact number of fractions; otherwise two rows must be interpolated. */
  readonly exact: boolean;
}

/**
 * Band edges relative to the lower Nyquist frequency. The filter is flat up to the first and 81 dB down from the
 * second. Frequencies between them alias to above 0.94. Removing those aliases would cost 1.6 times the work.
 */
const passBand = 0.9;
const stopBand = 1.06;
const attenuationDb = 81;
/** Width of the transition at the lower rate, in cycles per sample. */
const transition = (stopBand - passBand) / 2;
const tapsAtLowerRate = (attenuationDb - 7.95) / (14.36 * transition);
const kaiserBeta = 0.1102 * (attenuationDb - 8.7);
const maxCoefficients = 262_144;
/** With this many rows per lower-rate sample, the error of linear interpolation is below -110 dB. */
const interpolatedRows = 512;

/** Filter for output = input * up / down (in lowest terms). */
export function polyphaseFilter(up: number, down: number): PolyphaseFilter {
  const scale = Math.min(1, up / down);
  const half = Math.ceil(tapsAtLowerRate / scale / 2);
  const taps = half * 2;
  const exact = (up + 1) * taps <= maxCoefficients;
  const rows = exact ? up : Math.max(16, Math.ceil(interpolatedRows * scale));
  const coefficients = new Float64Array((rows + 1) * taps);
  const cycles = ((passBand + stopBand) / 2) * scale;
  for (let row = 0; row <= rows; row++) {
    fillRow(coefficients.subarray(row * taps, (row + 1) * taps), row / rows, cycles);
  }
  return { taps, rows, coefficients, exact };
}

/** The coefficients of each row sum to 1, so a constant input gives the same constant at every phase. */
function fillRow(row: Float64Array, fraction: number, cycles: number): void {
  const half = row.length / 2;
  let sum = 0;
  for (let tap = 0; tap < row.length; tap++) {
    const distance = tap - half + 1 - fraction;
    const value = sinc(cycles * distance) * kaiser(distance / half);
    row[tap] = value;
    sum += value;
  }
  for (let tap = 0; tap < row.length; tap++) row[tap] = (row[tap] ?? 0) / sum;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Kaiser window over -1 to 1, unnormalised. */
function kaiser(x: number): number {
  const inside = 1 - x * x;
  return inside <= 0 ? 0 : bessel0(kaiserBeta * Math.sqrt(inside));
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}
