import { GatewayHeartbeat, heartbeatIntervalMs } from '@app/protocol';
import { deadAfterMs, JudgingRounds } from '../judging-rounds';
import { readFrame } from '../wire';

/** Tracks which gateways send heartbeats to a worker. */
export class GatewayWatch {
  private readonly heardAt = new Map<string, number>();
  private readonly rounds: JudgingRounds;
  /** Time from which on heartbeats could be received. */
  private listeningSince: number;

  constructor(private readonly now: () => number) {
    this.rounds = new JudgingRounds(heartbeatIntervalMs, now);
    this.listeningSince = now();
  }

  /** Call this when messages can be received from NATS. */
  listens(): void {
    this.listeningSince = this.now();
  }

  /** Records a heartbeat. */
  heard(payload: Uint8Array): void {
    const heartbeat = readFrame(GatewayHeartbeat, payload)?.header;
    if (heartbeat) this.heardAt.set(heartbeat.gatewayId, this.now());
  }

  /** Begins a round. Returns false if no gateway may be judged in it. */
  beginRound(): boolean {
    const mayJudge = this.rounds.begin();
    if (mayJudge) for (const [id, at] of this.heardAt) if (this.now() - at > deadAfterMs) this.heardAt.delete(id);
    return mayJudge;
  }

  /**
   * `unheard`: no sign of life yet, but not for long enough to count as dead. `otherSignAt`: time of the latest sign of
   * life besides heartbeats.
   */
  stateOf(gatewayId: string, otherSignAt = -Infinity): 'alive' | 'unheard' | 'dead' {
    const now = this.now();
    if (now - Math.max(this.heardAt.get(gatewayId) ?? -Infinity, otherSignAt) <= deadAfterMs) return 'alive';
    return now - this.listeningSince <= deadAfterMs || !this.rounds.mayJudge() ? 'unheard' : 'dead';
  }
}
