import { IsArray, IsBoolean, IsInt, IsNumber, IsObject, IsString, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';
import { Nested } from '../validation';

/** How often gateways and workers beat. */
export const beatIntervalMs = 1_000;

/** After this many missed beats a peer is taken for dead. */
export const missedBeats = 3;

/** A worker's lane in its beat. */
export class LanePresence {
  /** `KIND.MODEL`. */
  @IsString()
  lane!: string;

  @IsInt()
  @Min(0)
  seats!: number;

  @IsInt()
  @Min(0)
  busySeats!: number;

  /** Artifact ids of the voices or models it can serve. */
  @IsString({ each: true })
  voices!: string[];

  /** Compute time over audio time, recent; 0 before the first job. */
  @IsNumber()
  realTimeFactor!: number;
}

/** A job in its worker's beat, so that either side finds out what the other has lost. */
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

/** A worker's beat. */
export class WorkerBeat {
  @Matches(idPattern)
  workerId!: string;

  @IsString()
  version!: string;

  @IsBoolean()
  draining!: boolean;

  @IsArray()
  @Nested(() => LanePresence)
  lanes!: LanePresence[];

  /** Attempts that it runs, or has run and waits for the session's last word on. */
  @IsArray()
  @Nested(() => HeldAttempt)
  held!: HeldAttempt[];
}

/** A gateway's beat: how many contexts and STT streams are active per key id. */
export class GatewayBeat {
  @Matches(idPattern)
  gatewayId!: string;

  @IsString()
  version!: string;

  @IsBoolean()
  draining!: boolean;

  @IsObject()
  activeByKey!: Record<string, number>;
}
