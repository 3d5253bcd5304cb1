import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { jetStreamName, type Lane } from '@app/protocol';
import type { Delivery, JobSource } from '../broker';
import { deliveryOf } from './nats-delivery';

/** Time after its expiry at which a pull without an answer is given up, in milliseconds. */
const graceMs = 1_000;
/** Pause after a failed pull and while there is no connection, in milliseconds. */
const failurePauseMs = 100;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, failurePauseMs));

/** The functions of the broker that a source uses. */
export interface SourceHost {
  readonly connection: NatsConnection;
  readonly connected: boolean;
  /** Creates a missing lane again. Never rejects. */
  restore(lane: Lane): Promise<void>;
  /** Called when the source will not be used again. */
  forget(source: NatsSource): void;
}

/**
 * Pulls from one durable consumer. It sends the pull request itself. The library's fetch waits at least a second, and
 * it loses messages on their way when it is stopped.
 */
export class NatsSource implements JobSource {
  private pulling: Pull | undefined;
  private closed = false;

  constructor(
    private readonly host: SourceHost,
    private readonly lane: Lane,
    private readonly jobClass: string,
  ) {}

  async pull(max: number, waitMs: number): Promise<Delivery[]> {
    if (this.closed || max < 1) return [];
    if (!this.host.connected) {
      await pause();
      return [];
    }
    const pull = new Pull(max);
    this.pulling = pull;
    pull.start(this.host.connection, `${jetStreamName(this.lane)}.${this.jobClass}`, waitMs);
    const troubled = (await pull.ended) === 'troubled';
    if (this.pulling === pull) this.pulling = undefined;
    if (troubled && pull.jobs.length === 0 && !this.closed) {
      await this.host.restore(this.lane);
      await pause();
    }
    return pull.jobs;
  }

  interrupt(): void {
    // Draining ends the subscription and delivers what was sent before. Without a connection there is nothing to deliver.
    if (this.host.connected) this.pulling?.drain();
    else this.pulling?.end('over');
  }

  close(): void {
    this.closed = true;
    this.interrupt();
    this.host.forget(this);
  }

  /** Ends the pull, since the server drops it with the connection. */
  onDisconnect(): void {
    this.pulling?.end('over');
  }
}

/** One pull request and its messages. */
class Pull {
  readonly jobs: Delivery[] = [];
  readonly ended: Promise<'over' | 'troubled'>;
  /** Ends the pull. Only the first call counts. */
  end!: (how: 'over' | 'troubled') => void;
  private subscription: Subscription | undefined;

  constructor(private readonly max: number) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  start(connection: NatsConnection, consumer: string, waitMs: number): void {
    const inbox = createInbox();
    this.subscription = connection.subscribe(inbox, { callback: (error, message) => this.take(inbox, error, message) });
    // no_wait with an expiry returns all waiting messages, or one message as soon as it arrives.
    const request = { batch: this.max, no_wait: true, ...(waitMs > 0 ? { expires: nanos(waitMs) } : {}) };
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, JSON.stringify(request), { reply: inbox });
    const timer = setTimeout(() => this.drain(), waitMs + graceMs);
    void this.ended.then(() => {
      clearTimeout(timer);
      this.subscription?.unsubscribe();
    });
  }

  drain(): void {
    void this.subscription
      ?.drain()
      .catch(() => undefined)
      .then(() => this.end('over'));
  }

  private take(inbox: string, error: Error | null, message: Msg): void {
    if (error) {
      this.end('troubled');
    } else if (message.subject === inbox) {
      // 404: no more messages. 408: none arrived in time. Other codes: the consumer is missing, or the server has a failure.
      const code = message.headers?.code;
      this.end(code === 404 || code === 408 ? 'over' : 'troubled');
    } else {
      const delivery = deliveryOf(message);
      if (delivery) this.jobs.push(delivery);
      if (this.jobs.length >= this.max) this.end('over');
    }
  }
}
