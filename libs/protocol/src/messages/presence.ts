import { IsArray, IsBoolean, IsInt, IsObject, IsString, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';
import { NestedArray } from '../validation';

/** Interval of the heartbeats of gateways and workers, in milliseconds. */
export const heartbeatIntervalMs = 1_000;

/** Number of missed heartbeats after which a peer counts as dead. */
export const missedHeartbeats = 3;

/** A job in its worker's heartbeat. With it each side finds out what the other has lost. */
export class HeldAttempt {
  @Matches(idPattern)
  gatewayId!: string;

  @Matches(idPattern)
  jobId!: string;

  @IsInt()
  @Min(1)
  attempt!: number;

  /** Number of outputs sent so far. */
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

  /** Attempts that it runs, or has run and whose end the session has not confirmed. */
  @IsArray()
  @NestedArray(() => HeldAttempt)
  held!: HeldAttempt[];
}

/** A gateway's heartbeat: the number of active requests by key id. */
export class GatewayHeartbeat {
  @Matches(idPattern)
  gatewayId!: string;

  @IsObject()
  activeByKey!: Record<string, number>;
}
