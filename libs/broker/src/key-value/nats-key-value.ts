import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import { ProblemError } from '@app/protocol';
import { logProblem } from '../append-log/log-errors';
import type { Subscription } from '../broker';
import { retriedAtStart, type StartRetry } from '../nats/start-retry';
import { BucketWatch } from './bucket-watch';
import { KeyValueStore, type KeyValueListener } from './key-value-store';

/** The bucket and its servers. */
export interface NatsKeyValueOptions extends StartRetry {
  /** `nats://HOST:PORT` or `HOST:PORT`. */
  readonly servers: readonly string[];
  /** Connection name on the server's monitoring pages. */
  readonly name: string;
  /** Name of the bucket. It is created if it is missing. */
  readonly bucket: string;
  /**
   * Replicas of the bucket: 1, 3 or 5, which needs as many servers. If unset, an existing bucket is left alone and a
   * new one gets 1.
   */
  readonly replicas?: number | undefined;
}

/** Time limit of a call to the server, in milliseconds. */
const callTimeoutMs = 2_000;

/** A JetStream key/value bucket, stored on disk. It reconnects for ever. Watches are opened again after an outage. */
export class NatsKeyValue extends KeyValueStore {
  private connection: NatsConnection | undefined;
  private isConnected = false;
  private readonly watches = new Set<BucketWatch>();

  constructor(private readonly options: NatsKeyValueOptions) {
    super();
  }

  /** Connects, which waits for a server without a time limit. Then creates the bucket and sets its replicas. */
  async start(): Promise<void> {
    const { servers, name, bucket } = this.options;
    const connection = await this.reach(() =>
      connect({
        servers: [...servers],
        name,
        waitOnFirstConnect: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        pingInterval: 5_000,
      }),
    );
    this.connection = connection;
    this.isConnected = true;
    void this.followConnection(connection);
    const create = () => this.reach(async () => this.copy(await this.open(), connection));
    await retriedAtStart(bucket, create, this.options);
  }

  get connected(): boolean {
    return this.isConnected;
  }

  get(key: string): Promise<string | undefined> {
    return this.reach(async () => {
      const entry = await (await this.open()).get(key);
      return entry?.operation === 'PUT' ? entry.string() : undefined;
    });
  }

  put(key: string, value: string): Promise<void> {
    return this.reach(async () => void (await (await this.open()).put(key, value)));
  }

  create(key: string, value: string): Promise<boolean> {
    return this.reach(async () => {
      const bucket = await this.open();
      // A deleted key leaves a marker, which the bucket's own `create` would overwrite.
      if ((await bucket.get(key)) !== null) return false;
      try {
        await bucket.create(key, value);
        return true;
      } catch (error) {
        if ((await bucket.get(key)) !== null) return false;
        throw error;
      }
    });
  }

  replace(key: string, present: string, value: string): Promise<boolean> {
    return this.reach(async () => {
      const bucket = await this.open();
      const entry = await bucket.get(key);
      if (entry?.operation !== 'PUT' || entry.string() !== present) return false;
      try {
        await bucket.update(key, value, entry.revision);
        return true;
      } catch (error) {
        // Either somebody else was faster, or the answer to this very update was lost.
        const now = await bucket.get(key);
        if (now?.revision === entry.revision) throw error;
        return now?.operation === 'PUT' && now.string() === value;
      }
    });
  }

  delete(key: string): Promise<void> {
    return this.reach(async () => (await this.open()).delete(key));
  }

  keys(): Promise<string[]> {
    return this.reach(async () => {
      const found: string[] = [];
      for await (const key of await (await this.open()).keys()) found.push(key);
      return found;
    });
  }

  /** Called at a start, which waits for JetStream within its limit. */
  async watch(listener: KeyValueListener): Promise<Subscription> {
    const watch = new BucketWatch(() => this.open(), listener);
    await retriedAtStart(this.options.bucket, () => this.reach(() => watch.start()), this.options);
    this.watches.add(watch);
    return {
      unsubscribe: () => {
        this.watches.delete(watch);
        watch.stop();
      },
    };
  }

  async close(): Promise<void> {
    for (const watch of this.watches) watch.stop();
    this.watches.clear();
    await this.connection?.close();
  }

  private async open(): Promise<KV> {
    // During an outage a request would only wait for its time-out.
    if (!this.connection || !this.isConnected) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
    const { bucket, replicas } = this.options;
    const buckets = new Kvm(jetstream(this.connection, { timeout: callTimeoutMs }));
    return buckets.create(bucket, replicas === undefined ? {} : { replicas });
  }

  /** Sets the replicas of the bucket. An existing bucket keeps those with which it was created until this call. */
  private async copy(bucket: KV, connection: NatsConnection): Promise<void> {
    const { replicas } = this.options;
    const { replicas: present, streamInfo } = await bucket.status();
    if (replicas === undefined || replicas === present) return;
    const manager = await jetstreamManager(connection, { timeout: callTimeoutMs });
    await manager.streams.update(streamInfo.config.name, { num_replicas: replicas });
  }

  private async followConnection(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') this.isConnected = true;
      if (type !== 'disconnect' && type !== 'close') continue;
      this.isConnected = false;
      for (const watch of this.watches) watch.restart();
    }
    this.isConnected = false;
  }

  private async reach<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof ProblemError ? error : logProblem(error);
    }
  }
}
