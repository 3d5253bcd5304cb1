import { SentFrames } from './sent-frames';

describe('SentFrames', () => {
  const frame = (bytes: number): Uint8Array => new Uint8Array(bytes);

  it('gives back all frames from a sequence on', () => {
    const sent = new SentFrames(100);
    const frames = [frame(1), frame(2), frame(3)];
    for (const one of frames) sent.add(one);
    expect(sent.next).toBe(3);
    expect(sent.from(1)).toEqual(frames.slice(1));
    expect(sent.from(3)).toEqual([]);
  });

  it('forgets the oldest beyond its size, but never the latest', () => {
    const sent = new SentFrames(100);
    for (const bytes of [60, 30, 20, 300]) sent.add(frame(bytes));
    expect(sent.next).toBe(4);
    expect(sent.from(2)).toBeUndefined();
    expect(sent.from(3)).toEqual([frame(300)]);
  });
});
