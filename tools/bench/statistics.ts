/**
 * The value below which the given share (0 to 1) of the values lies, by linear interpolation. NaN if there are no
 * values.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) return NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The errors and words of one item. Items differ in size. */
export interface Errors {
  readonly errors: number;
  readonly words: number;
}

/** The errors of all items divided by their words. */
export const rateOf = (items: readonly Errors[]): number =>
  items.reduce((sum, { errors }) => sum + errors, 0) / items.reduce((sum, { words }) => sum + words, 0);

const resamples = 2_000;

/**
 * The 95 % interval of a statistic of items by the bootstrap (Efron 1979). Items are drawn with replacement, since the
 * errors within one utterance depend on each other and those of different utterances do not. Equal items give equal
 * intervals.
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (drawn: readonly T[]) => number,
): [low: number, high: number] {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const drawn = Array.from({ length: resamples }, () =>
    statistic(items.map(() => items[Math.floor(next() * items.length)] as T)),
  );
  return [quantile(drawn, 0.025), quantile(drawn, 0.975)];
}
