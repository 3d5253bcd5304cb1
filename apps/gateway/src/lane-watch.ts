import type { JobLanes, Presence } from '@app/broker';
import { laneClasses, laneName, waitBudgetMs, type Lane } from '@app/protocol';
import type { GatewayMetrics } from './metrics/gateway-metrics';

const intervalMs = 1_000;
/** A refused client may try again. After this time without a job, nobody waits for the worker any more. */
const forgetAfterMs = 60_000;

/** The times of the first and the latest waiting job of a lane without workers. */
interface Waking {
  readonly sinceMs: number;
  readonly wantedAtMs: number;
}

/** Updates the gauges of each lane's load from NATS and measures the cold start of lanes. */
export class LaneWatch {
  private timer: NodeJS.Timeout | undefined;
  private readonly waking = new Map<string, Waking>();

  constructor(
    private readonly offers: Pick<JobLanes, 'load'>,
    private readonly presence: Pick<Presence, 'lane'>,
    private readonly lanes: readonly Lane[],
    private readonly metrics: Pick<GatewayMetrics, 'laneBudget' | 'laneLoad' | 'laneWoke'>,
    /** Replaces the wait budget of new requests that the function graph has, in milliseconds. */
    private readonly newRequestBudgetMs?: number,
  ) {}

  start(): void {
    for (const lane of this.lanes) {
      const [jobClass] = laneClasses(lane);
      if (jobClass === undefined) continue;
      this.metrics.laneBudget(laneName(lane), waitBudgetMs(lane, jobClass, this.newRequestBudgetMs));
    }
    this.lookLater();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private lookLater(): void {
    this.timer = setTimeout(() => void this.look().then(() => this.timer && this.lookLater()), intervalMs);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    for (const lane of this.lanes) {
      try {
        const { waiting, running } = await this.offers.load(lane);
        const { workers } = this.presence.lane(lane);
        this.metrics.laneLoad(laneName(lane), { waiting, running, workers });
        this.watchWaking(laneName(lane), waiting, workers);
      } catch {
        // Without NATS the gauges keep their last values. The readiness page reports the failure.
      }
    }
  }

  private watchWaking(lane: string, waiting: number, workers: number): void {
    const nowMs = performance.now();
    const waking = this.waking.get(lane);
    if (workers > 0) {
      if (waking) this.metrics.laneWoke(lane, nowMs - waking.sinceMs);
      this.waking.delete(lane);
    } else if (waiting > 0) {
      this.waking.set(lane, { sinceMs: waking?.sinceMs ?? nowMs, wantedAtMs: nowMs });
    } else if (waking && nowMs - waking.wantedAtMs > forgetAfterMs) {
      this.waking.delete(lane);
    }
  }
}
