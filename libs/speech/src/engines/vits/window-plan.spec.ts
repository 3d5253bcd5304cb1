import { planWindows } from './window-plan';

const margin = 11;
const lengths = Array.from({ length: 1_200 }, (_, index) => index + 1);

describe('planWindows', () => {
  it('covers every frame once and in order, whatever the length', () => {
    for (const frames of lengths) {
      let next = 0;
      for (const { start, end } of planWindows(frames, margin)) {
        expect(start).toBe(next);
        expect(end).toBeGreaterThan(start);
        next = end;
      }
      expect(next).toBe(frames);
    }
  });

  it('gives every window its margin on both sides, except where the utterance begins or ends', () => {
    for (const frames of lengths) {
      for (const { start, end, inputStart, inputEnd } of planWindows(frames, margin)) {
        expect(inputStart).toBeLessThanOrEqual(Math.max(0, start - margin));
        expect(inputEnd).toBeGreaterThanOrEqual(Math.min(frames, end + margin));
      }
    }
  });

  it('never reads outside of the utterance', () => {
    for (const frames of lengths) {
      for (const { inputStart, inputEnd } of planWindows(frames, margin)) {
        expect(inputStart).toBeGreaterThanOrEqual(0);
        expect(inputEnd).toBeLessThanOrEqual(frames);
      }
    }
  });

  it('begins small and grows, so that the first audio leaves early and is not outrun', () => {
    const sizes = planWindows(1_000, margin).map(({ start, end }) => end - start);
    expect(sizes.slice(0, 5)).toEqual([13, 34, 90, 130, 130]);
  });

  it('begins alike for all utterances that do not fit one window', () => {
    for (const frames of lengths.filter((length) => length > 40)) {
      expect(planWindows(frames, margin)[0]).toEqual({ start: 0, end: 13, inputStart: 0, inputEnd: 24 });
    }
  });

  it('uses few input lengths, so that windows of different utterances can share a batch', () => {
    const shared = lengths.flatMap((frames) =>
      planWindows(frames, margin)
        .filter(({ inputStart, inputEnd }) => inputStart > 0 || inputEnd < frames)
        .map(({ inputStart, inputEnd }) => inputEnd - inputStart),
    );
    expect(new Set(shared).size).toBeLessThanOrEqual(24);
    expect(shared.every((length) => length % 8 === 0 && length <= 192)).toBe(true);
  });

  it('right-aligns the last window and leaves no tiny one', () => {
    for (const frames of lengths.filter((length) => length > 30)) {
      const last = planWindows(frames, margin).at(-1);
      expect(last?.inputEnd).toBe(frames);
      expect((last?.end ?? 0) - (last?.start ?? 0)).toBeGreaterThanOrEqual(7);
    }
  });

  it('takes a short utterance whole', () => {
    expect(planWindows(30, margin)).toEqual([{ start: 0, end: 30, inputStart: 0, inputEnd: 30 }]);
    expect(planWindows(1, margin)).toEqual([{ start: 0, end: 1, inputStart: 0, inputEnd: 1 }]);
  });

  it('has no windows for no frames', () => {
    expect(planWindows(0, margin)).toEqual([]);
  });

  it('still moves on when a voice needs a margin greater than the first windows', () => {
    for (const frames of lengths) {
      const windows = planWindows(frames, 40);
      expect(windows.at(-1)?.end).toBe(frames);
      for (const { start, end, inputStart, inputEnd } of windows) {
        expect(end).toBeGreaterThan(start);
        expect(inputStart).toBeLessThanOrEqual(Math.max(0, start - 40));
        expect(inputEnd).toBeGreaterThanOrEqual(Math.min(frames, end + 40));
      }
    }
  });
});
