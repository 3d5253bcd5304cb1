/** Even noise at 16 kHz with the given peak, the same each time. */
export function noise(seconds: number, peak: number): Float32Array {
  let state = 11;
  return Float32Array.from({ length: seconds * 16_000 }, () => {
    state = (Math.imul(state, 48271) >>> 0) % 0x7fffffff;
    return (state / 0x3fffffff - 1) * peak;
  });
}
