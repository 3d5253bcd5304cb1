import { rmsDbfs, silence } from './level';

describe('rmsDbfs', () => {
  it('is 0 for a full-scale square, -3.01 for a sine, -20 for a tenth', () => {
    expect(rmsDbfs(Float32Array.of(1, -1, 1, -1))).toBeCloseTo(0, 10);
    expect(rmsDbfs(Float32Array.from({ length: 1000 }, (_, i) => Math.sin((2 * Math.PI * i) / 100)))).toBeCloseTo(
      -3.01,
      2,
    );
    expect(rmsDbfs(Float32Array.of(0.1, -0.1))).toBeCloseTo(-20, 4);
  });

  it('is -Infinity for silence and for nothing', () => {
    expect(rmsDbfs(new Float32Array(8))).toBe(-Infinity);
    expect(rmsDbfs(new Float32Array(0))).toBe(-Infinity);
  });
});

describe('silence', () => {
  it('lasts as long as asked, to the nearest sample', () => {
    expect(silence(1000, 22_050)).toEqual(new Float32Array(22_050));
    expect(silence(0.1, 44_100)).toHaveLength(4);
    expect(silence(0, 8000)).toHaveLength(0);
  });
});
