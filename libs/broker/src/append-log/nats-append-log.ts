import { nanos, type NatsConnection } from '@nats-io/transport-node';
import {
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
  type LastForMsgRequest,
  type NextMsgRequest,
  type StreamConfig,
} from '@nats-io/jetstream';
import { ProblemError } from '@app/protocol';
import { firstConnection } from '../nats/bus-connection';
import { isLaneMissing as isStreamMissing, isOtherStreamConfig } from '../nats/bus-errors';
import { retriedAtStart, type StartRetry } from '../nats/start-retry';
import { AppendLog, duplicateWindowMs, type Appended, type LogRecord, type LogState } from './append-log';
import { isOvertaken, logProblem } from './log-errors';

/** Which JetStream stream, and where. */
export interface NatsAppendLogOptions extends StartRetry {
  /** `nats://HOST:PORT` or `HOST:PORT`. */
  readonly servers: readonly string[];
  /** Shown on the server's monitoring pages. */
  readonly name: string;
  /** The JetStream stream; created where it is missing. */
  readonly stream: string;
  /** The one subject of the stream. */
  readonly subject: string;
  /** Replicas of it: 1, 3 or 5, and as many servers. Unset: an existing stream keeps its own, a new one gets 1. */
  readonly replicas?: number | undefined;
  /** Size at which appends are refused with `disk_full`. Unset: an existing stream keeps its own, a new one has none. */
  readonly maxBytes?: number | undefined;
  /** How long `start` tries to reach a server; without end where this is absent. */
  readonly connectTimeoutMs?: number;
}

/** How long the server may take to answer a call. */
const callTimeoutMs = 2_000;
/** Records asked for at once while reading. */
const readBatch = 500;

interface Started {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** A log in a JetStream stream with file storage. Reconnects for ever. */
export class NatsAppendLog extends AppendLog {
  private nats: Started | undefined;
  private isConnected = false;

  constructor(private readonly options: NatsAppendLogOptions) {
    super();
  }

  /**
   * Connects, and creates the JetStream stream or gives it the replicas and the size limit of the options. Rejects with
   * `disk_full` where JetStream cannot reserve that much; an existing stream can be used all the same. May be repeated.
   */
  async start(): Promise<void> {
    if (!this.nats) await this.connect();
    await retriedAtStart(this.options.stream, () => this.reach(({ manager }) => this.setUp(manager)), this.options);
  }

  private async connect(): Promise<void> {
    const { servers, name, connectTimeoutMs = Infinity } = this.options;
    const connection = await firstConnection(servers, name, connectTimeoutMs);
    this.nats = {
      connection,
      client: jetstream(connection, { timeout: callTimeoutMs }),
      manager: await jetstreamManager(connection, { timeout: callTimeoutMs, checkAPI: false }),
    };
    this.isConnected = true;
    void this.followConnection(connection);
  }

  get connected(): boolean {
    return this.isConnected;
  }

  append(payload: Uint8Array, id: string): Promise<Appended> {
    return this.reach(async (nats) => {
      const publish = () => nats.client.publish(this.options.subject, payload, { msgID: id });
      const { seq, duplicate } = await this.inStream(nats, publish);
      return { sequence: seq, duplicate };
    });
  }

  appendAfter(payload: Uint8Array, id: string, lastSequence: number): Promise<Appended | undefined> {
    return this.reach(async (nats) => {
      const expected = { msgID: id, expect: { lastSequence } };
      try {
        const publish = () => nats.client.publish(this.options.subject, payload, expected);
        const { seq, duplicate } = await this.inStream(nats, publish);
        return { sequence: seq, duplicate };
      } catch (error) {
        if (isOvertaken(error)) return undefined;
        throw error;
      }
    });
  }

  first(): Promise<LogRecord | undefined> {
    return this.get({ seq: 1, next_by_subj: this.options.subject });
  }

  last(): Promise<LogRecord | undefined> {
    return this.get({ last_by_subj: this.options.subject });
  }

  async *read(sequence: number): AsyncIterable<LogRecord> {
    const { lastSequence } = await this.state();
    let next = sequence;
    while (next <= lastSequence && (await this.holdsFrom(next))) {
      const batch = await this.reach((nats) => this.readBatch(nats, next));
      if (batch.length === 0) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
      for (const record of batch) {
        if (record.sequence > lastSequence) return;
        next = record.sequence + 1;
        yield record;
      }
    }
  }

  dropBefore(sequence: number): Promise<void> {
    const { stream } = this.options;
    return this.reach(async (nats) => {
      const info = () => nats.manager.streams.info(stream);
      const newest = (await this.inStream(nats, info)).state.last_seq;
      await nats.manager.streams.purge(stream, { seq: Math.min(sequence, newest) });
    });
  }

  state(): Promise<LogState> {
    return this.reach(async (nats) => {
      const info = () => nats.manager.streams.info(this.options.stream);
      const { config, state } = await this.inStream(nats, info);
      return {
        firstSequence: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
        lastSequence: state.last_seq,
        records: state.messages,
        bytes: state.bytes,
        maxBytes: config.max_bytes > 0 ? config.max_bytes : undefined,
      };
    });
  }

  async close(): Promise<void> {
    await this.nats?.connection.close();
    this.isConnected = false;
  }

  /** Answered by the leader of the stream, unlike a direct get. */
  private get(query: Required<NextMsgRequest> | LastForMsgRequest): Promise<LogRecord | undefined> {
    return this.reach(async (nats) => {
      const get = () => nats.manager.streams.getMessage(this.options.stream, query);
      const found = await this.inStream(nats, get);
      return found ? { sequence: found.seq, storedAtMs: found.time.getTime(), payload: found.data } : undefined;
    });
  }

  private async holdsFrom(sequence: number): Promise<boolean> {
    const { records, lastSequence } = await this.state();
    return records > 0 && lastSequence >= sequence;
  }

  /** At least one record where the log holds one from `sequence` on. */
  private async readBatch({ client }: Started, sequence: number): Promise<LogRecord[]> {
    const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: sequence };
    const consumer = await client.consumers.get(this.options.stream, start);
    try {
      const records: LogRecord[] = [];
      const messages = await consumer.fetch({ max_messages: readBatch, expires: callTimeoutMs });
      for await (const { seq, time, data, info } of messages) {
        records.push({ sequence: seq, storedAtMs: time.getTime(), payload: data });
        if (info.pending === 0) break;
      }
      return records;
    } finally {
      await consumer.delete().catch(() => undefined);
    }
  }

  private async setUp(manager: JetStreamManager): Promise<void> {
    const { stream, subject, replicas, maxBytes } = this.options;
    const wanted: Partial<StreamConfig> = {
      ...(replicas === undefined ? {} : { num_replicas: replicas }),
      ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
    };
    try {
      await manager.streams.add({
        name: stream,
        subjects: [subject],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        // A full log refuses a record. It never drops one to take another.
        discard: DiscardPolicy.New,
        duplicate_window: nanos(duplicateWindowMs),
        ...wanted,
      });
    } catch (error) {
      if (!isOtherStreamConfig(error)) throw error;
      if (Object.keys(wanted).length > 0) await manager.streams.update(stream, wanted);
    }
  }

  /** Does it again, once, where the server does not have the stream. */
  private async inStream<T>(nats: Started, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!isStreamMissing(error)) throw error;
    }
    await this.setUp(nats.manager);
    return action();
  }

  private async followConnection(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') this.isConnected = true;
      if (type === 'disconnect' || type === 'close') this.isConnected = false;
    }
    this.isConnected = false;
  }

  private async reach<T>(action: (nats: Started) => Promise<T>): Promise<T> {
    // A request made while the server is away would only wait for its time-out.
    if (!this.nats || !this.isConnected) throw new ProblemError('bus_unavailable', { retryAfterSeconds: 1 });
    try {
      return await action(this.nats);
    } catch (error) {
      throw error instanceof ProblemError ? error : logProblem(error);
    }
  }
}
