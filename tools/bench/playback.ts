/** Audio and its time of arrival. */
export interface Arrival {
  readonly atMs: number;
  readonly samples: Float32Array;
}

/** What a listener hears of a context. */
export interface Listening {
  /** Milliseconds from the request to the first sample louder than -50 dBFS. Infinity if there is none. */
  readonly firstAudioMs: number;
  readonly audioSeconds: number;
  /** How often a player that starts at the first audio runs out of audio, and for how long in total. */
  readonly underruns: number;
  readonly underrunMs: number;
}

/** -50 dBFS as a share of full scale. */
const audible = 10 ** (-50 / 20);

/** Simulates a player that starts with the first audible sample. */
export function listen(requestedAtMs: number, arrivals: readonly Arrival[], sampleRateHz: number): Listening {
  const first = arrivals.find(({ samples }) => samples.some((sample) => Math.abs(sample) > audible));
  let underruns = 0;
  let underrunMs = 0;
  let bufferedUntilMs = Infinity;
  let total = 0;
  for (const arrival of arrivals) {
    const durationMs = (arrival.samples.length / sampleRateHz) * 1_000;
    total += arrival.samples.length;
    if (first === undefined || arrival.atMs < first.atMs) continue;
    if (arrival.atMs > bufferedUntilMs) {
      underruns += 1;
      underrunMs += arrival.atMs - bufferedUntilMs;
    }
    bufferedUntilMs =
      Math.max(arrival.atMs, bufferedUntilMs === Infinity ? arrival.atMs : bufferedUntilMs) + durationMs;
  }
  return {
    firstAudioMs: first ? first.atMs - requestedAtMs : Infinity,
    audioSeconds: total / sampleRateHz,
    underruns,
    underrunMs,
  };
}
