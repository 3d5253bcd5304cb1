/** Root mean square of samples from -1 to 1 in dB relative to full scale (a full-scale sine is -3.01); silence is -Infinity. */
export function rmsDbfs(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return samples.length === 0 ? -Infinity : 10 * Math.log10(energy / samples.length);
}

/** Zero samples that last this long, to the nearest sample. */
export function silence(durationMs: number, sampleRateHz: number): Float32Array {
  return new Float32Array(Math.round((durationMs * sampleRateHz) / 1000));
}
