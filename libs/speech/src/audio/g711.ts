/** Linear value, 16 bit, of each of the 256 mu-law codes (ITU-T G.711, both polarities of zero give 0). */
export const muLawLevels: Int16Array = Int16Array.from({ length: 256 }, (_, code) => {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted >> 4) & 7)) - 0x84;
  return inverted & 0x80 ? -magnitude : magnitude;
});

/** Linear value, 16 bit, of each of the 256 A-law codes (ITU-T G.711). */
export const aLawLevels: Int16Array = Int16Array.from({ length: 256 }, (_, code) => {
  const toggled = code ^ 0x55;
  const segment = (toggled >> 4) & 7;
  const step = ((toggled & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
});

/** The mu-law code of a 16-bit linear value, as the ITU-T G.191 reference software rounds it. */
export function muLawCode(linear: number): number {
  const biased = Math.min(((linear < 0 ? ~linear : linear) >> 2) + 33, 0x1fff);
  const segment = 26 - Math.clz32(biased);
  const code = ((7 - segment) << 4) | (0x0f - ((biased >> (segment + 1)) & 0x0f));
  return linear < 0 ? code : code | 0x80;
}

/** The A-law code of a 16-bit linear value, as the ITU-T G.191 reference software rounds it. */
export function aLawCode(linear: number): number {
  const magnitude = (linear < 0 ? ~linear : linear) >> 4;
  const segment = magnitude < 16 ? 0 : 28 - Math.clz32(magnitude);
  const mantissa = segment === 0 ? magnitude : (magnitude >> (segment - 1)) - 16;
  return ((segment << 4) | mantissa | (linear < 0 ? 0 : 0x80)) ^ 0x55;
}
