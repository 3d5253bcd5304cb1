import { headers as makeHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { jetStreamName, laneClasses, laneName, ProblemError, subjects, type Lane } from '@app/protocol';
import { Broker, type JobSource, type MessageHandler, type Subscription } from '../broker';
import type { JobHeaders, LaneLoad, OfferedMessage } from '../job-lanes';
import { firstConnection, withTimeout } from './bus-connection';
import { busProblem, isJobMissing, isLaneMissing, isUnanswered } from './bus-errors';
import { setUpLane } from './lane-setup';
import { hasMessage, lostJobs } from './lost-jobs';
import { NatsSource, type SourceHost } from './nats-source';
import { retriedAtStart, type StartRetry } from './start-retry';

/** The servers and time limits of the broker. */
export interface NatsBrokerOptions extends StartRetry {
  /** `nats://HOST:PORT` or `HOST:PORT`. */
  readonly servers: readonly string[];
  /** Connection name on the server's monitoring pages. */
  readonly name: string;
  /** Time limit of `start` for reaching a server, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Time limit of a call to the server, in milliseconds. */
  readonly callTimeoutMs?: number;
  /** Replicas of each lane's JetStream stream: 1, 3 or 5. If unset, existing streams are left alone. */
  readonly replicas?: number | undefined;
  /** Wall clock, in milliseconds. It makes the sequence numbers of a lane unique across restarts of the server. */
  readonly now?: () => number;
  /** Gets the errors that a message handler throws, which are bugs of the handler. */
  readonly onHandlerError?: (error: unknown) => void;
}

/** Longest wait for published messages to be sent before the connection is closed, in milliseconds. */
const drainTimeoutMs = 2_000;

/** The broker on NATS with JetStream (2.11 or newer). Reconnects for ever and creates lost lanes again. */
export class NatsBroker extends Broker implements SourceHost {
  private nats: { connection: NatsConnection; client: JetStreamClient; manager: JetStreamManager } | undefined;
  private isConnected = false;
  private readonly connectionListeners = new Set<(connected: boolean) => void>();
  private readonly sources = new Set<NatsSource>();
  private readonly lanesInSetUp = new Map<string, Promise<void>>();
  private readonly callTimeoutMs: number;

  constructor(private readonly options: NatsBrokerOptions) {
    super();
    this.callTimeoutMs = options.callTimeoutMs ?? 2_000;
  }

  /** Connects. Throws `bus_unavailable` if no server could be reached in time. */
  async start(): Promise<void> {
    const { servers, name, connectTimeoutMs = 10_000 } = this.options;
    const connection = await firstConnection(servers, name, connectTimeoutMs);
    this.nats = {
      connection,
      client: jetstream(connection, { timeout: this.callTimeoutMs }),
      manager: await jetstreamManager(connection, { timeout: this.callTimeoutMs, checkAPI: false }),
    };
    this.setConnected(true);
    void this.watch(connection);
  }

  /** Called at a start, which waits for JetStream within its limit. */
  ensureLane(lane: Lane): Promise<void> {
    return retriedAtStart(laneName(lane), () => this.setUp(lane), this.options);
  }

  async publishJob(
    lane: Lane,
    jobClass: string,
    payload: Uint8Array,
    ttlMs: number,
    headers: JobHeaders = {},
  ): Promise<number> {
    const sent = makeHeaders();
    for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    // Without a message id, a job that is published again is no duplicate. Copies are harmless, since claims name the sequence number.
    const publish = () =>
      this.started.client.publish(subjects.jobs(lane, jobClass), payload, {
        headers: sent,
        ttl: `${Math.max(1, Math.ceil(ttlMs / 1_000))}s`,
      });
    return (await this.inLane(lane, publish)).seq;
  }

  async deleteJob(lane: Lane, sequence: number): Promise<boolean> {
    try {
      return await this.started.manager.streams.deleteMessage(jetStreamName(lane), sequence, false);
    } catch (error) {
      if (isJobMissing(error)) return false;
      throw busProblem(error);
    }
  }

  async hasJob(lane: Lane, sequence: number): Promise<boolean> {
    return this.call(hasMessage(this.started.manager, lane, sequence));
  }

  async lostJobs(lane: Lane, jobs: readonly OfferedMessage[]): Promise<number[]> {
    return this.call(lostJobs(this.started.manager, lane, jobs));
  }

  async openSource(lane: Lane, jobClass: string): Promise<JobSource> {
    await this.ensureLane(lane);
    const source = new NatsSource(this, lane, jobClass);
    this.sources.add(source);
    return source;
  }

  async load(lane: Lane): Promise<LaneLoad> {
    const { manager } = this.started;
    const infos = () =>
      Promise.all(laneClasses(lane).map((jobClass) => manager.consumers.info(jetStreamName(lane), jobClass)));
    const found = await this.inLane(lane, infos);
    return {
      waiting: found.reduce((sum, info) => sum + info.num_pending, 0),
      running: found.reduce((sum, info) => sum + info.num_ack_pending, 0),
    };
  }

  publish(subject: string, payload: Uint8Array): void {
    try {
      this.connection.publish(subject, payload);
    } catch (error) {
      throw busProblem(error);
    }
  }

  subscribe(subject: string, handler: MessageHandler): Subscription {
    const { connection } = this;
    try {
      return connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) return;
          try {
            handler(
              message.data,
              message.subject,
              message.reply ? (payload) => this.answer(message, payload) : undefined,
            );
          } catch (failure) {
            this.options.onHandlerError?.(failure);
          }
        },
      });
    } catch (error) {
      throw busProblem(error);
    }
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array | undefined> {
    try {
      return (await this.connection.request(subject, payload, { timeout: timeoutMs })).data;
    } catch (error) {
      if (isUnanswered(error)) return undefined;
      throw busProblem(error);
    }
  }

  async flush(): Promise<void> {
    await this.call(withTimeout(this.connection.flush(), this.callTimeoutMs));
  }

  get connected(): boolean {
    return this.isConnected;
  }

  onConnectionChange(listener: (connected: boolean) => void): Subscription {
    this.connectionListeners.add(listener);
    return { unsubscribe: () => void this.connectionListeners.delete(listener) };
  }

  async close(): Promise<void> {
    const connection = this.nats?.connection;
    if (!connection || connection.isClosed()) return;
    for (const source of [...this.sources]) source.close();
    await withTimeout(connection.drain(), drainTimeoutMs).catch(() => connection.close());
    this.setConnected(false);
  }

  /** For sources. */
  get connection(): NatsConnection {
    return this.started.connection;
  }

  /** For sources. */
  async restore(lane: Lane): Promise<void> {
    await this.setUp(lane).catch(() => undefined);
  }

  /** For sources. */
  forget(source: NatsSource): void {
    this.sources.delete(source);
  }

  private get started(): NonNullable<NatsBroker['nats']> {
    if (!this.nats) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
    return this.nats;
  }

  private async setUp(lane: Lane): Promise<void> {
    const name = laneName(lane);
    const { replicas, now = Date.now } = this.options;
    const setUp =
      this.lanesInSetUp.get(name) ??
      setUpLane(this.started.manager, lane, { replicas, nowMs: now() }).finally(() => this.lanesInSetUp.delete(name));
    this.lanesInSetUp.set(name, setUp);
    await this.call(setUp);
  }

  private async watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') this.setConnected(true);
      if (status.type === 'disconnect' || status.type === 'close') this.setConnected(false);
    }
  }

  private setConnected(connected: boolean): void {
    if (connected === this.isConnected) return;
    this.isConnected = connected;
    if (!connected) for (const source of this.sources) source.onDisconnect();
    for (const listener of this.connectionListeners) listener(connected);
  }

  private answer(request: Msg, payload: Uint8Array): void {
    try {
      request.respond(payload);
    } catch {
      // The connection is closed for good, so the requester gets no reply, as after any loss.
    }
  }

  /** Repeats the action once if the server has lost the lane. */
  private async inLane<T>(lane: Lane, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!isLaneMissing(error)) throw busProblem(error);
    }
    await this.setUp(lane);
    return this.call(action());
  }

  private async call<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw busProblem(error);
    }
  }
}
