import type { KeyObject } from 'node:crypto';
import type { AppendLog, LogRecord, MakeLink } from '@app/broker';
import { auditRecord, checkpointRecord, type AuditEvent } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import type { ChainFollower } from './chain-follower';

/** A checkpoint follows this many records at the latest. */
export const checkpointRecords = 100;
/** A checkpoint follows this long after a record at the latest, in milliseconds. */
export const checkpointDelayMs = 60_000;

/** What signs the checkpoints of a deployment. */
export interface Signer {
  readonly privateKey: KeyObject;
  /** Name of the deployment, where its licence has one. */
  readonly deployment?: string | undefined;
}

/** The audit log as one process writes it. Other processes may write it at the same time. */
export class AuditChain {
  private links = 0;
  private refusing = false;

  constructor(
    private readonly log: AppendLog,
    readonly follower: ChainFollower,
    private readonly signer: Signer,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Whether the log refused a record with `disk_full` and `settle` was not called since. */
  get isFull(): boolean {
    return this.refusing;
  }

  /**
   * Appends the record of the event that `make` gives once the follower knows the newest record; none if it gives none. `make`
   * is called again where another process was faster.
   */
  async append(make: () => AuditEvent | undefined | Promise<AuditEvent | undefined>): Promise<boolean> {
    const isAppended = await this.link(async (last) => {
      const event = await make();
      return event && auditRecord(last?.payload, event);
    });
    if (this.follower.uncovered + (isAppended ? 1 : 0) >= checkpointRecords) await this.checkpoint();
    return isAppended;
  }

  /** Every record that was refused is stored by now, or no longer wanted. */
  settle(): void {
    this.refusing = false;
  }

  /** Reads what other processes have appended. */
  async catchUp(): Promise<void> {
    await this.link(() => undefined);
  }

  /** Signs the log as it is, unless its newest record is a checkpoint that says so. Resolves to the sequence of the checkpoint. */
  async checkpoint(): Promise<number> {
    let end = 0;
    await this.link(
      async (last) => {
        const first = await this.log.first();
        end = last?.sequence ?? 0;
        if (!first || !last) return undefined;
        const { privateKey, deployment } = this.signer;
        const { payload } = last;
        return checkpointRecord({ first: first.payload, last: payload, privateKey, deployment, nowMs: this.nowMs() });
      },
      (sequence) => (end = sequence),
    );
    return end;
  }

  /** Signs the log if a record has waited long enough for a checkpoint. */
  async checkpointIfDue(): Promise<void> {
    const { uncovered, uncoveredSinceMs } = this.follower;
    const isLate = uncoveredSinceMs !== undefined && this.nowMs() - uncoveredSinceMs >= checkpointDelayMs;
    if (isLate || uncovered >= checkpointRecords) await this.checkpoint();
  }

  /** The id of each attempt is new: what an earlier attempt stored is found in the log itself. */
  private async link(make: MakeLink, onSequence?: (sequence: number) => void): Promise<boolean> {
    const followed = async (last: LogRecord | undefined): Promise<Uint8Array | undefined> => {
      await this.follower.follow(last);
      return make(last);
    };
    try {
      const appended = await this.log.chain(`${this.follower.instance}-${++this.links}`, followed);
      if (!appended) return false;
      onSequence?.(appended.sequence);
      return true;
    } catch (error) {
      if (ProblemError.from(error).code === 'disk_full') this.refusing = true;
      throw error;
    }
  }
}
