/**
 * The 32-bit seed of the utterance with this index in a context with a given seed. Neighbouring utterances and
 * neighbouring seeds get unrelated noise. It depends on the request alone.
 */
export function utteranceSeed(contextSeed: number, index: number): number {
  let mixed = (contextSeed ^ Math.imul(index + 1, 0x9e3779b9)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
