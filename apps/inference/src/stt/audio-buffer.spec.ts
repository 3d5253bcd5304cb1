import { AudioBuffer } from './audio-buffer';

const counting = (from: number, to: number): Float32Array =>
  Float32Array.from({ length: to - from }, (_, index) => from + index);

describe('AudioBuffer', () => {
  it('gives back samples by their place in the stream', () => {
    const buffer = new AudioBuffer(1_000);
    buffer.append(counting(1_000, 1_500));
    buffer.append(counting(1_500, 1_600));
    expect(buffer.endSample).toBe(1_600);
    expect(buffer.slice(1_490, 1_510)).toEqual(counting(1_490, 1_510));
  });

  it('forgets what is not wanted any more, and nothing else', () => {
    const buffer = new AudioBuffer(0);
    buffer.append(counting(0, 100));
    buffer.forgetBefore(40);
    buffer.forgetBefore(10);
    expect([buffer.startSample, buffer.endSample]).toEqual([40, 100]);
    expect(buffer.slice(0, 50)).toEqual(counting(40, 50));
    buffer.append(counting(100, 120));
    expect(buffer.slice(90, 200)).toEqual(counting(90, 120));
  });

  it('never forgets beyond what it took in', () => {
    const buffer = new AudioBuffer(0);
    buffer.append(counting(0, 10));
    buffer.forgetBefore(50);
    expect([buffer.startSample, buffer.endSample]).toEqual([10, 10]);
    expect(buffer.slice(5, 60)).toHaveLength(0);
  });

  it('gives copies: what comes later does not change them', () => {
    const buffer = new AudioBuffer(0);
    buffer.append(counting(0, 10));
    const slice = buffer.slice(0, 10);
    buffer.forgetBefore(5);
    expect(slice).toEqual(counting(0, 10));
  });

  it('keeps its size within what is wanted, however long the stream', () => {
    const buffer = new AudioBuffer(0);
    const second = new Float32Array(16_000);
    for (let at = 0; at < 600; at += 1) {
      buffer.append(second);
      buffer.forgetBefore(buffer.endSample - 32_000);
    }
    expect(buffer.endSample).toBe(600 * 16_000);
    expect(buffer.slice(0, Infinity)).toHaveLength(32_000);
  });
});
