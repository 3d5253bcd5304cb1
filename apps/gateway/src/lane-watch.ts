import type { Broker, Presence } from '@app/broker';
import type { GatewayMetrics } from '@app/platform';
import { laneName, type Lane } from '@app/protocol';

const intervalMs = 1_000;

/** Keeps the gauges of the lanes' load as they are on the bus. */
export class LaneWatch {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly presence: Presence,
    private readonly lanes: readonly Lane[],
    private readonly metrics: Pick<GatewayMetrics, 'laneLoad'>,
  ) {}

  start(): void {
    this.timer = setTimeout(() => void this.look().then(() => this.timer && this.start()), intervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async look(): Promise<void> {
    for (const lane of this.lanes) {
      try {
        const load = await this.broker.load(lane);
        this.metrics.laneLoad(laneName(lane), load, this.presence.lane(lane).workers > 0);
      } catch {
        // Without a bus the gauges stay as they were; readiness tells.
      }
    }
  }
}
