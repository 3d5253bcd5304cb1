/** The work of one call of an engine. */
export interface CallWork {
  readonly op: string;
  /** Amount of work: samples of audio if the steps contain audio, else the number of steps. */
  readonly amount: number;
}

/** The fields that are read from a step of any engine. */
interface MeasurableStep {
  readonly op: string;
  readonly samples?: ArrayLike<number>;
}

interface PastCall {
  readonly amount: number;
  readonly tookMs: number;
}

/** Number of recent calls that are kept for each operation. */
const rememberedCalls = 64;
/** Number of comparable calls that are needed to derive a limit. */
const leastCalls = 3;
/**
 * A call counts as hung after this many times its usual duration. The usual duration is measured on the same machine
 * under the same load, so a healthy call takes that long only if the load grows tenfold at once.
 */
const hangFactor = 10;
/** The first call of an operation in a process allocates and warms up. Its limit is this many times longer. */
const firstCallFactor = 3;
/** Shortest limit, in milliseconds. Shorter pauses are normal on a busy machine. */
const shortestLimitMs = 1_500;

/** The work of a call with these steps. All have the same operation. */
export function workOf(steps: readonly unknown[]): CallWork {
  const measurable = steps as readonly MeasurableStep[];
  return {
    op: measurable[0]?.op ?? '',
    amount: measurable.reduce((sum, { samples }) => sum + (samples?.length ?? 1), 0),
  };
}

/**
 * Measures calls of an engine and limits the next one, after which its process counts as hung. The limit is ten times
 * the duration that nine tenths of the comparable calls did not exceed. Calls are comparable if they have the
 * same operation and at least half the work.
 */
export class StepTimes {
  private readonly byOp = new Map<string, PastCall[]>();

  /** The limit in milliseconds. Undefined while there are too few comparable calls. `isFirst`: of its operation, in its process. */
  limitMs({ op, amount }: CallWork, isFirst = false): number | undefined {
    const comparable = (this.byOp.get(op) ?? [])
      .filter((past) => past.amount * 2 >= amount)
      .map(({ tookMs }) => tookMs);
    if (comparable.length < leastCalls) return undefined;
    const usualMs = comparable.sort((a, b) => a - b)[Math.floor(comparable.length * 0.9)] ?? 0;
    return Math.max(shortestLimitMs, hangFactor * usualMs) * (isFirst ? firstCallFactor : 1);
  }

  took({ op, amount }: CallWork, tookMs: number): void {
    const calls = this.byOp.get(op) ?? [];
    calls.push({ amount, tookMs });
    if (calls.length > rememberedCalls) calls.shift();
    this.byOp.set(op, calls);
  }

  /**
   * Call this when a limit was exceeded. The limit may have been wrong, so the next calls have none until new durations
   * are known.
   */
  forget(op: string): void {
    this.byOp.delete(op);
  }
}
