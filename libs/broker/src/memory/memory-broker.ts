import { ProblemError, type Lane } from '@app/protocol';
import { Broker, type Delivery, type JobSource, type MessageHandler, type Subscription } from '../broker';
import type { JobHeaders, LaneLoad, OfferedMessage } from '../job-lanes';
import type { MemoryBus } from './memory-bus';

/** One client of a memory bus: the in-memory implementation of Broker for tests. */
export class MemoryBroker extends Broker {
  private readonly subscriptions = new Set<Subscription>();
  private readonly sources = new Set<MemorySource>();
  private closed = false;

  constructor(private readonly bus: MemoryBus) {
    super();
  }

  ensureLane(lane: Lane): Promise<void> {
    return this.answer(() => void this.bus.lane(lane));
  }

  publishJob(
    lane: Lane,
    jobClass: string,
    payload: Uint8Array,
    ttlMs: number,
    headers: JobHeaders = {},
  ): Promise<number> {
    return this.answer(() => this.bus.lane(lane).add(jobClass, payload, ttlMs, headers));
  }

  deleteJob(lane: Lane, sequence: number): Promise<boolean> {
    return this.answer(() => this.bus.lane(lane).remove(sequence));
  }

  hasJob(lane: Lane, sequence: number): Promise<boolean> {
    return this.answer(() => this.bus.lane(lane).has(sequence));
  }

  lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]> {
    return this.answer(() => jobs.flatMap(({ sequence }) => (this.bus.lane(lane).has(sequence) ? [] : sequence)));
  }

  openSource(lane: Lane, jobClass: string): Promise<JobSource> {
    return this.answer(() => {
      const source = new MemorySource(this.bus, lane, jobClass);
      this.sources.add(source);
      return source;
    });
  }

  load(lane: Lane): Promise<LaneLoad> {
    return this.answer(() => this.bus.lane(lane).load());
  }

  publish(subject: string, payload: Uint8Array): void {
    if (this.closed) throw new ProblemError('bus_unavailable');
    if (this.bus.up) this.bus.publish({ subject, payload: payload.slice() });
  }

  subscribe(subject: string, handler: MessageHandler): Subscription {
    if (this.closed) throw new ProblemError('bus_unavailable');
    const inner = this.bus.subscribe(subject, handler);
    const subscription = {
      unsubscribe: () => {
        inner.unsubscribe();
        this.subscriptions.delete(subscription);
      },
    };
    this.subscriptions.add(subscription);
    return subscription;
  }

  request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array | undefined> {
    if (this.closed) return Promise.reject(new ProblemError('bus_unavailable'));
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      const settle = (answer: Uint8Array | undefined) => {
        clearTimeout(timer);
        resolve(answer);
      };
      const heard =
        this.bus.up &&
        this.bus.publish({ subject, payload: payload.slice(), reply: (answer) => settle(answer.slice()) });
      if (!heard && this.bus.up) settle(undefined);
    });
  }

  flush(): Promise<void> {
    return this.answer(() => undefined);
  }

  get connected(): boolean {
    return this.bus.up && !this.closed;
  }

  onConnectionChange(listener: (connected: boolean) => void): Subscription {
    const subscription = this.bus.onLifeChange(listener);
    this.subscriptions.add(subscription);
    return subscription;
  }

  close(): Promise<void> {
    this.closed = true;
    for (const source of this.sources) source.close();
    for (const subscription of [...this.subscriptions]) subscription.unsubscribe();
    return Promise.resolve();
  }

  /** Answers in a later turn, like a server. */
  private async answer<T>(action: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.connected) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
    return action();
  }
}

class MemorySource implements JobSource {
  private closed = false;
  private end: ((jobs: Delivery[]) => void) | undefined;

  constructor(
    private readonly bus: MemoryBus,
    private readonly lane: Lane,
    private readonly jobClass: string,
  ) {}

  pull(max: number, waitMs: number): Promise<Delivery[]> {
    if (this.closed || max < 1) return Promise.resolve([]);
    return new Promise((resolve) => {
      let forget = (): void => undefined;
      const life = this.bus.onLifeChange(() => this.end?.([]));
      const timer = setTimeout(() => this.end?.([]), waitMs);
      this.end = (jobs) => {
        this.end = undefined;
        clearTimeout(timer);
        life.unsubscribe();
        forget();
        resolve(jobs);
      };
      if (this.bus.up) forget = this.bus.lane(this.lane).pull(this.jobClass, max, (jobs) => this.end?.(jobs));
      if (waitMs === 0) this.end?.([]);
    });
  }

  interrupt(): void {
    this.end?.([]);
  }

  close(): void {
    this.closed = true;
    this.interrupt();
  }
}
