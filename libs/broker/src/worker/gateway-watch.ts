import { GatewayHeartbeat, heartbeatIntervalMs } from '@app/protocol';
import { deadAfterMs, JudgingRounds } from '../judging-rounds';
import { readFrame } from '../wire';

/** Which gateways a worker hears of. */
export class GatewayWatch {
  private readonly heardAt = new Map<string, number>();
  private readonly rounds: JudgingRounds;
  /** Since when it could hear. */
  private listeningSince: number;

  constructor(private readonly now: () => number) {
    this.rounds = new JudgingRounds(heartbeatIntervalMs, now);
    this.listeningSince = now();
  }

  /** The bus can be heard from now on. */
  listens(): void {
    this.listeningSince = this.now();
  }

  /** A heartbeat has come. */
  heard(payload: Uint8Array): void {
    const heartbeat = readFrame(GatewayHeartbeat, payload)?.header;
    if (heartbeat) this.heardAt.set(heartbeat.gatewayId, this.now());
  }

  /** Begins a round. False when no gateway is to be judged in it. */
  beginRound(): boolean {
    const mayJudge = this.rounds.begin();
    if (mayJudge) for (const [id, at] of this.heardAt) if (this.now() - at > deadAfterMs) this.heardAt.delete(id);
    return mayJudge;
  }

  /** `unheard`: nothing was heard of it, but not for so long that it would be dead. `otherSignAt`: when else it was heard of. */
  stateOf(gatewayId: string, otherSignAt = -Infinity): 'alive' | 'unheard' | 'dead' {
    const now = this.now();
    if (now - Math.max(this.heardAt.get(gatewayId) ?? -Infinity, otherSignAt) <= deadAfterMs) return 'alive';
    return now - this.listeningSince <= deadAfterMs || !this.rounds.mayJudge() ? 'unheard' : 'dead';
  }
}
