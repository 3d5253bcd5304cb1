import { groupMeans, SilentContext } from './silent-context';

describe('groupMeans', () => {
  it('averages the rows of each group, the last of which may be smaller, side by side for each part', () => {
    const first = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const second = Float32Array.of(1, 1, 3, 3, 5);
    expect(groupMeans([first, second], 5, 2)).toEqual(Float32Array.of(2, 3, 1, 6, 7, 3, 9, 10, 5));
  });
});

describe('SilentContext', () => {
  const context = new SilentContext(10, 4, Float32Array.of(1, 1, 2, 2, 3, 3), Float32Array.of(7, 8, 9));
  const positions = (start: number): number =>
    context.after(start).weights.reduce((sum, weight) => sum + Math.exp(weight), 0);

  it('stands for exactly the positions after the start', () => {
    for (const start of [0, 1, 3, 4, 7, 8, 9]) expect(positions(start)).toBeCloseTo(10 - start, 5);
  });

  it('begins with the group that the start is in', () => {
    expect(context.after(5)).toEqual({
      groups: 2,
      layers: Float32Array.of(2, 2, 3, 3),
      cross: Float32Array.of(8, 9),
      weights: Float32Array.of(Math.log(3), Math.log(2)),
    });
  });

  it('is empty after the whole 30 s', () => {
    expect(context.after(10)).toMatchObject({ groups: 0, layers: new Float32Array(0), cross: new Float32Array(0) });
  });
});
