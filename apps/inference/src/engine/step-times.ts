/** What one call of an engine is asked to do. */
export interface CallWork {
  readonly op: string;
  /** How much: samples of audio where steps carry audio, else steps. */
  readonly amount: number;
}

/** What is read of a step, whatever engine it is for. */
interface MeasurableStep {
  readonly op: string;
  readonly samples?: ArrayLike<number>;
}

interface PastCall {
  readonly amount: number;
  readonly tookMs: number;
}

/** Recent calls of each operation that are remembered. */
const rememberedCalls = 64;
/** Comparable calls that are needed before a limit is derived from them. */
const leastCalls = 8;
/** A call that takes this many times as long as usual hangs. A core that is shared with twenty others is that slow. */
const hangFactor = 20;
/** Shortest limit, in milliseconds. Shorter pauses are ordinary on a busy machine. */
const shortestLimitMs = 1_500;

/** The work of a call with these steps, which have one operation. */
export function workOf(steps: readonly unknown[]): CallWork {
  const measurable = steps as readonly MeasurableStep[];
  return {
    op: measurable[0]?.op ?? '',
    amount: measurable.reduce((sum, { samples }) => sum + (samples?.length ?? 1), 0),
  };
}

/**
 * How long calls of an engine took, and how long the next one may take before its process counts as hung. The limit follows the
 * calls of the same operation with at least half the work: nine tenths of them were faster than a twentieth of it.
 */
export class StepTimes {
  private readonly byOp = new Map<string, PastCall[]>();

  /** In milliseconds; undefined while too few comparable calls are known. */
  limitMs({ op, amount }: CallWork): number | undefined {
    const comparable = (this.byOp.get(op) ?? [])
      .filter((past) => past.amount * 2 >= amount)
      .map(({ tookMs }) => tookMs);
    if (comparable.length < leastCalls) return undefined;
    const usualMs = comparable.sort((a, b) => a - b)[Math.floor(comparable.length * 0.9)] ?? 0;
    return Math.max(shortestLimitMs, hangFactor * usualMs);
  }

  took({ op, amount }: CallWork, tookMs: number): void {
    const calls = this.byOp.get(op) ?? [];
    calls.push({ amount, tookMs });
    if (calls.length > rememberedCalls) calls.shift();
    this.byOp.set(op, calls);
  }

  /** A limit was exceeded. It may have been wrong, so the next calls get none until new ones are known. */
  forget(op: string): void {
    this.byOp.delete(op);
  }
}
