import { IsArray, IsBoolean, IsInt, IsObject, IsString, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';
import { NestedArray } from '../validation';

/** How often gateways and workers send a heartbeat. */
export const heartbeatIntervalMs = 1_000;

/** After this many missed heartbeats a peer is taken for dead. */
export const missedHeartbeats = 3;

/** A job in its worker's heartbeat, so that either side finds out what the other has lost. */
export class HeldAttempt {
  @Matches(idPattern)
  gatewayId!: string;

  @Matches(idPattern)
  jobId!: string;

  @IsInt()
  @Min(1)
  attempt!: number;

  /** Outputs sent so far. */
  @IsInt()
  @Min(0)
  outputs!: number;
}

/** A worker's heartbeat. */
export class WorkerHeartbeat {
  @Matches(idPattern)
  workerId!: string;

  @IsBoolean()
  draining!: boolean;

  /** The lanes that it serves, each as `KIND.MODEL`. */
  @IsString({ each: true })
  lanes!: string[];

  /** Attempts that it runs, or has run and waits for the session's last word on. */
  @IsArray()
  @NestedArray(() => HeldAttempt)
  held!: HeldAttempt[];
}

/** A gateway's heartbeat: how many contexts and STT streams are active per key id. */
export class GatewayHeartbeat {
  @Matches(idPattern)
  gatewayId!: string;

  @IsObject()
  activeByKey!: Record<string, number>;
}
