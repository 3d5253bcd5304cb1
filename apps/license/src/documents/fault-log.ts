import { ProblemError } from '@app/protocol';
import type { Log } from '@app/platform';

/** Why what a source says does not count. */
export interface Fault {
  /** A file, or an entry of the bucket. */
  readonly source: string;
  readonly problem: ProblemError;
  /** What the source says; absent if it cannot be read. Never logged. */
  readonly content?: string;
}

/** Resolves to the result, or to undefined with a fault of the source added to the list. */
export async function faultOr<T>(
  faults: Fault[],
  from: Omit<Fault, 'problem'>,
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    faults.push({ ...from, problem: ProblemError.from(error) });
    return undefined;
  }
}

/** Writes a line for each fault when it appears, not each time that it is found. The line has the reason, not the content. */
export class FaultLog {
  private known = new Set<string>();

  constructor(
    private readonly message: string,
    private readonly log: Log,
  ) {}

  /** Takes every fault that there is now, and returns those that were not there the last time. */
  take(faults: readonly Fault[]): Fault[] {
    const fresh = faults.filter((fault) => !this.known.has(nameOf(fault)));
    this.known = new Set(faults.map(nameOf));
    for (const { source, problem } of fresh) {
      this.log.warn(this.message, { source, code: problem.code, detail: problem.detail });
    }
    return fresh;
  }
}

const nameOf = ({ source, problem, content }: Fault): string => JSON.stringify([source, problem.detail, content]);
