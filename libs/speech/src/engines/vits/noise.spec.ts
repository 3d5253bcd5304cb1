import { Noise, noiseStream } from './noise';

const columns = 192;

function noiseOf(seed: number, stream: number, firstRow: number, rows: number): Float32Array {
  const values = new Float32Array(rows * columns);
  new Noise(seed, stream).fillColumns(values, firstRow, rows, columns);
  return values;
}

const at = (values: Float32Array, rows: number, row: number, column: number): number =>
  values[column * rows + row] ?? NaN;

describe('Noise', () => {
  const values = noiseOf(42, noiseStream.latent, 0, 400);
  const mean = (of: (value: number, index: number) => number): number =>
    values.reduce((sum, value, index) => sum + of(value, index), 0) / values.length;

  it('is standard normal: mean, variance, skew, kurtosis and tails', () => {
    expect(mean((value) => value)).toBeCloseTo(0, 1);
    expect(mean((value) => value ** 2)).toBeCloseTo(1, 1);
    expect(mean((value) => value ** 3)).toBeCloseTo(0, 1);
    expect(mean((value) => value ** 4)).toBeCloseTo(3, 0);
    expect(mean((value) => (Math.abs(value) > 1.96 ? 1 : 0))).toBeCloseTo(0.05, 2);
    expect(Math.max(...values)).toBeGreaterThan(3.5);
    expect(Math.max(...values)).toBeLessThan(4.4);
  });

  it('is unrelated between neighbours in time and channel, between streams and between seeds', () => {
    const other = noiseOf(42, noiseStream.duration, 0, 400);
    const seed = noiseOf(43, noiseStream.latent, 0, 400);
    expect(Math.abs(mean((value, index) => value * (values[index + 1] ?? 0)))).toBeLessThan(0.015);
    expect(Math.abs(mean((value, index) => value * (values[index + 400] ?? 0)))).toBeLessThan(0.015);
    expect(Math.abs(mean((value, index) => value * (other[index] ?? 0)))).toBeLessThan(0.015);
    expect(Math.abs(mean((value, index) => value * (seed[index] ?? 0)))).toBeLessThan(0.015);
  });

  it('does not depend on how much is asked for, or from where on', () => {
    const piece = noiseOf(42, noiseStream.latent, 150, 20);
    for (let row = 0; row < 20; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        expect(at(piece, 20, row, column)).toBe(at(values, 400, 150 + row, column));
      }
    }
  });

  it('is the same for the same seed, for ever', () => {
    expect(noiseOf(42, noiseStream.latent, 0, 400)).toEqual(values);
    expect([...noiseOf(1, 1, 0, 1).slice(0, 4)]).toMatchInlineSnapshot(`
     [
       0.979533851146698,
       0.8670583367347717,
       -1.6803961992263794,
       0.26303157210350037,
     ]
    `);
  });

  it('tells large and negative seeds apart', () => {
    const first = (seed: number): number => noiseOf(seed, 1, 0, 1)[0] ?? 0;
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map(first)).size).toBe(seeds.length);
  });

  it('fills odd numbers of columns', () => {
    const values = new Float32Array(3);
    new Noise(1, 1).fillColumns(values, 0, 1, 3);
    expect(values.every((value) => value !== 0)).toBe(true);
  });
});
