import { auditRecord, type AuditEvent } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError, type ProblemCode } from '@app/protocol';
import type { AuditChain } from './audit-chain';
import type { AuditFacts, RequiredTrail } from './audit-trail';

/** Events that wait for NATS at most. */
export const maxWaiting = 10_000;
/** Far below the largest message of NATS. */
const maxEventBytes = 64 * 1024;
/** How long an action waits for its record. */
const requiredWithinMs = 5_000;
const retryAfterSeconds = 10;

interface Waiting {
  readonly number: number;
  readonly event: AuditEvent;
  readonly stored: () => void;
}

/** Writes events into the audit log, in order and each once. While NATS is away, or the log is full, they wait in memory. */
export class AuditWriter implements RequiredTrail {
  private readonly waiting: Waiting[] = [];
  private numbers = 0;
  /** Events that did not fit into memory. */
  private lost = 0;
  private running: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  private chain: AuditChain | undefined;
  private failure: ProblemCode | undefined;

  /** `assertRoom` throws `audit_log_full` while the logs take no more. */
  constructor(
    private readonly log: Log,
    readonly assertRoom: () => void,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Events that wait. */
  get size(): number {
    return this.waiting.length;
  }

  /** Begins to write; events wait until then. */
  start(chain: AuditChain): void {
    this.chain = chain;
    void this.flush();
  }

  async record(type: string, facts: AuditFacts = {}): Promise<void> {
    try {
      await this.add(type, facts);
    } catch (error) {
      this.log.error('audit event refused', { type, err: error });
    }
  }

  async require(type: string, facts: AuditFacts = {}): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), requiredWithinMs)));
    const outcome = await Promise.race([this.add(type, facts), timeout]).finally(() => clearTimeout(timer));
    if (outcome === 'stored') return;
    throw new ProblemError(this.failure === 'disk_full' ? 'audit_log_full' : 'bus_unavailable', { retryAfterSeconds });
  }

  /** Writes what waits, as far as that works. An attempt that is running already is followed by another one. */
  flush(): Promise<void> {
    if (!this.next) {
      this.next = this.running.then(() => {
        this.next = undefined;
        return this.writeAll();
      });
      this.running = this.next;
    }
    return this.next;
  }

  private async add(type: string, facts: AuditFacts): Promise<'stored' | 'lost'> {
    const number = this.numbers + 1;
    const at = new Date(this.nowMs()).toISOString();
    const event = { at, type, facts };
    // A fact that no record may have must not block the events after it.
    if (auditRecord(undefined, event).byteLength > maxEventBytes) throw new RangeError('The audit event is too large.');
    if (this.waiting.length >= maxWaiting) {
      this.lost++;
      this.log.error('audit event lost: too many wait for NATS', { type, lost: this.lost });
      return 'lost';
    }
    this.numbers = number;
    return new Promise((resolve) => {
      this.waiting.push({ number, event, stored: () => resolve('stored') });
      void this.flush();
    });
  }

  private async writeAll(): Promise<void> {
    const { chain } = this;
    if (!chain) return;
    try {
      for (let next = this.waiting[0]; next; next = this.waiting[0]) {
        const { number, event, stored } = next;
        await chain.append(() => (chain.follower.hasEvent(number) ? undefined : numbered(event, chain, number)));
        this.waiting.shift();
        stored();
      }
      await this.writeLost(chain);
      if (this.failure) this.log.info('audit events are written again');
      this.failure = undefined;
    } catch (error) {
      const { code } = ProblemError.from(error);
      if (this.failure !== code) {
        this.log.error('audit events wait in memory', { code, waiting: this.waiting.length, err: error });
      }
      this.failure = code;
    }
  }

  /** Says in the log itself that events are missing. */
  private async writeLost(chain: AuditChain): Promise<void> {
    const events = this.lost;
    if (events === 0) return;
    await chain.append(() => ({ at: new Date(this.nowMs()).toISOString(), type: 'events_lost', facts: { events } }));
    this.lost -= events;
  }
}

const numbered = ({ at, type, facts }: AuditEvent, { follower }: AuditChain, number: number): AuditEvent => ({
  at,
  type,
  facts: { ...facts, event: `${follower.instance}-${number}` },
});
