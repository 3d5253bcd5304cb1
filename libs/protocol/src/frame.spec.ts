import { inspect } from 'node:util';
import { bodyOf, decodeFrame, encodeFrame, samplesOf } from './frame';

describe('a frame', () => {
  it('gives back its header and body', () => {
    const { header, body } = decodeFrame(encodeFrame({ type: 'audio', word: 'naïve' }, Uint8Array.of(1, 2, 3)));
    expect(header).toEqual({ type: 'audio', word: 'naïve' });
    expect([...body]).toEqual([1, 2, 3]);
  });

  it('may have no body', () => {
    const { header, body } = decodeFrame(encodeFrame({}));
    expect(header).toEqual({});
    expect(body).toHaveLength(0);
  });

  it.each([1, 2, 3, 4, 5])('starts its body at a multiple of four bytes, whatever the header (%i)', (length) => {
    const frame = encodeFrame({ pad: 'x'.repeat(length) }, Uint8Array.of(7));
    expect((frame.length - 1) % 4).toBe(0);
    expect([...decodeFrame(frame).body]).toEqual([7]);
  });

  it('carries samples without loss, from an unaligned place too', () => {
    const samples = Float32Array.of(0, -1, 1, 0.1234567);
    const frame = encodeFrame({ type: 'audio' }, bodyOf(samples));
    const shifted = new Uint8Array(frame.length + 1);
    shifted.set(frame, 1);
    expect(samplesOf(decodeFrame(shifted.subarray(1)).body)).toEqual(samples);
  });

  it.each([
    ['nothing', Uint8Array.of()],
    ['three bytes', Uint8Array.of(1, 2, 3)],
    ['a length beyond its end', Uint8Array.of(200, 0, 0, 0, 123)],
    ['a header that is not JSON', Uint8Array.of(1, 0, 0, 0, 123, 0, 0, 0)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(RangeError);
  });

  it('is refused without a word of its header, which may hold a transcript', () => {
    const text = Buffer.from('"Good morning');
    const frame = Buffer.concat([Buffer.of(text.length, 0, 0, 0), text, Buffer.alloc(4)]);
    let refusal: unknown;
    try {
      decodeFrame(frame);
    } catch (error) {
      refusal = error;
    }
    expect(inspect(refusal)).toContain('not a frame');
    expect(inspect(refusal)).not.toContain('Good');
  });
});
