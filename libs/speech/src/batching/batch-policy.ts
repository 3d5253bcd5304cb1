/** `off`: one step at a time. `auto`: what waits already, where batches gain. `always`: also waits for company. */
export const batchingModes = ['auto', 'always', 'off'] as const;
/** One of `batchingModes`. */
export type BatchingMode = (typeof batchingModes)[number];

/** What decides how steps are put together. */
export interface BatchPolicy {
  readonly batching: BatchingMode;
  /** Most steps in a batch. */
  readonly maxBatch: number;
  /** How long a step may wait for company; only `always` waits. */
  readonly batchWaitMs: number;
  /** Whether a batch is faster than its steps one by one: true on a GPU, not on a CPU. Only `auto` asks. */
  readonly batchesGain: boolean;
}

/** Whether this policy ever puts two steps together. */
export function sharesBatches(policy: BatchPolicy): boolean {
  if (policy.maxBatch <= 1) return false;
  switch (policy.batching) {
    case 'off':
      return false;
    case 'auto':
      return policy.batchesGain;
    case 'always':
      return true;
  }
}
