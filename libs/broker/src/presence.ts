import {
  encodeFrame,
  GatewayHeartbeat,
  heartbeatIntervalMs,
  laneName,
  subjects,
  WorkerHeartbeat,
  type Lane,
} from '@app/protocol';
import type { Broker, Subscription } from './broker';
import { deadAfterMs, JudgingRounds, monotonicMs } from './judging-rounds';
import { readFrame } from './wire';

/** The content of a gateway's heartbeat. */
export interface PresenceOptions {
  readonly gatewayId: string;
  /** Returns the number of active requests of this gateway by key id. */
  readonly activeByKey: () => Readonly<Record<string, number>>;
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/** The heartbeats of a lane's workers, summed up. */
export interface LaneFacts {
  /** Workers that are alive and not draining. */
  readonly workers: number;
}

/**
 * The gateway's view of its peers from their heartbeats, and its own heartbeat. It makes no decisions about admission.
 */
export class Presence {
  private readonly now: () => number;
  private readonly rounds: JudgingRounds;
  private readonly workers: Heard<WorkerHeartbeat>;
  private readonly gateways: Heard<GatewayHeartbeat>;
  private subscriptions: Subscription[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly options: PresenceOptions,
  ) {
    this.now = options.now ?? monotonicMs;
    this.rounds = new JudgingRounds(heartbeatIntervalMs, this.now);
    this.workers = new Heard(this.now, this.rounds);
    this.gateways = new Heard(this.now, this.rounds);
  }

  /** Starts listening. Sends a heartbeat at once and then every second. */
  start(): void {
    this.subscriptions = [
      this.broker.subscribe(subjects.workerPresence, (payload) => {
        const heartbeat = readFrame(WorkerHeartbeat, payload)?.header;
        if (heartbeat) this.workers.add(heartbeat.workerId, heartbeat);
      }),
      this.broker.subscribe(subjects.gatewayPresence, (payload) => {
        const heartbeat = readFrame(GatewayHeartbeat, payload)?.header;
        if (heartbeat && heartbeat.gatewayId !== this.options.gatewayId)
          this.gateways.add(heartbeat.gatewayId, heartbeat);
      }),
    ];
    this.sendHeartbeat();
    this.timer = setInterval(() => {
      this.sendHeartbeat();
      this.rounds.begin();
    }, heartbeatIntervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
  }

  lane(lane: Lane): LaneFacts {
    const name = laneName(lane);
    const serving = this.workers.latest().filter(({ draining, lanes }) => !draining && lanes.includes(name));
    return { workers: serving.length };
  }

  /** Number of active requests of a key at the other gateways, from their latest heartbeats. */
  activeElsewhere(keyId: string): number {
    return this.gateways.latest().reduce((total, { activeByKey }) => {
      return total + (Object.hasOwn(activeByKey, keyId) ? (activeByKey[keyId] ?? 0) : 0);
    }, 0);
  }

  private sendHeartbeat(): void {
    const { gatewayId, activeByKey } = this.options;
    const heartbeat: GatewayHeartbeat = {
      gatewayId,
      activeByKey: { ...activeByKey() },
    };
    try {
      this.broker.publish(subjects.gatewayPresence, encodeFrame(heartbeat));
    } catch {
      // Nobody can receive it without NATS.
    }
  }
}

/** The latest heartbeat of each peer that is not dead. */
class Heard<Heartbeat> {
  private readonly peers = new Map<string, { readonly heartbeat: Heartbeat; readonly at: number }>();

  constructor(
    private readonly now: () => number,
    private readonly rounds: JudgingRounds,
  ) {}

  add(id: string, heartbeat: Heartbeat): void {
    this.peers.set(id, { heartbeat, at: this.now() });
  }

  latest(): Heartbeat[] {
    if (this.rounds.mayJudge()) this.forgetSilent();
    return [...this.peers.values()].map(({ heartbeat }) => heartbeat);
  }

  private forgetSilent(): void {
    for (const [id, { at }] of this.peers) if (this.now() - at > deadAfterMs) this.peers.delete(id);
  }
}
