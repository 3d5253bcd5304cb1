import {
  beatIntervalMs,
  encodeFrame,
  GatewayBeat,
  laneName,
  missedBeats,
  productVersion,
  subjects,
  WorkerBeat,
  type Lane,
} from '@app/protocol';
import type { Broker, Subscription } from './broker';
import { readFrame } from './wire';

/** What a gateway says of itself. */
export interface PresenceOptions {
  readonly gatewayId: string;
  /** Contexts and STT streams of this gateway now, by key id. */
  readonly activeByKey: () => Readonly<Record<string, number>>;
  readonly now?: () => number;
}

/** What the workers of a lane say of it, summed up. */
export interface LaneFacts {
  /** Workers that are alive and not draining. */
  readonly workers: number;
  readonly seats: number;
  readonly busySeats: number;
  /** Artifact ids that at least one of them can serve. */
  readonly voices: ReadonlySet<string>;
  /** Mean over the workers that have worked; 0 before the first job. */
  readonly realTimeFactor: number;
}

const deadAfterMs = beatIntervalMs * missedBeats;

/** The gateway's view of its peers, from their beats, and its own beat. Facts only: who is admitted is decided elsewhere. */
export class Presence {
  private readonly workers = new Map<string, { beat: WorkerBeat; at: number }>();
  private readonly gateways = new Map<string, { beat: GatewayBeat; at: number }>();
  private readonly now: () => number;
  private subscriptions: Subscription[] = [];
  private timer: NodeJS.Timeout | undefined;
  private draining = false;

  constructor(
    private readonly broker: Broker,
    private readonly options: PresenceOptions,
  ) {
    this.now = options.now ?? Date.now;
  }

  /** Listens, and beats at once and then each second. */
  start(): void {
    this.subscriptions = [
      this.broker.subscribe(subjects.workerPresence, (payload) => {
        const beat = readFrame(WorkerBeat, payload)?.header;
        if (beat) this.workers.set(beat.workerId, { beat, at: this.now() });
      }),
      this.broker.subscribe(subjects.gatewayPresence, (payload) => {
        const beat = readFrame(GatewayBeat, payload)?.header;
        if (beat && beat.gatewayId !== this.options.gatewayId)
          this.gateways.set(beat.gatewayId, { beat, at: this.now() });
      }),
    ];
    this.beat();
    this.timer = setInterval(() => this.beat(), beatIntervalMs);
    this.timer.unref();
  }

  /** From now on its beats say that it takes no more clients. */
  drain(): void {
    this.draining = true;
    this.beat();
  }

  stop(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.subscriptions = [];
  }

  lane(lane: Lane): LaneFacts {
    const name = laneName(lane);
    const beats = living(this.workers, this.now()).filter((beat) => !beat.draining);
    const found = beats.flatMap((beat) => beat.lanes.filter((presence) => presence.lane === name));
    const factors = found.map((presence) => presence.realTimeFactor).filter((factor) => factor > 0);
    return {
      workers: found.length,
      seats: sum(found.map((presence) => presence.seats)),
      busySeats: sum(found.map((presence) => presence.busySeats)),
      voices: new Set(found.flatMap((presence) => presence.voices)),
      realTimeFactor: factors.length > 0 ? sum(factors) / factors.length : 0,
    };
  }

  /** Active contexts and STT streams of a key at the other gateways, as of their last beats. */
  activeElsewhere(keyId: string): number {
    const beats = living(this.gateways, this.now());
    return sum(beats.map((beat) => (Object.hasOwn(beat.activeByKey, keyId) ? (beat.activeByKey[keyId] ?? 0) : 0)));
  }

  private beat(): void {
    const { gatewayId, activeByKey } = this.options;
    const beat: GatewayBeat = {
      gatewayId,
      version: productVersion,
      draining: this.draining,
      activeByKey: { ...activeByKey() },
    };
    try {
      this.broker.publish(subjects.gatewayPresence, encodeFrame(beat));
    } catch {
      // Without a bus there is nobody to hear it.
    }
  }
}

/** Beats of those that are not dead, which are forgotten. */
function living<T>(beats: Map<string, { beat: T; at: number }>, now: number): T[] {
  for (const [id, { at }] of beats) if (now - at > deadAfterMs) beats.delete(id);
  return [...beats.values()].map(({ beat }) => beat);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
