import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';

/** Header of every frame from worker to session. `output` is one of the kind's outputs. `problem` ends the attempt. */
export class OutputEnvelope {
  @Matches(idPattern)
  workerId!: string;

  @IsInt()
  @Min(1)
  attempt!: number;

  /** Sequence number within the attempt, from 0 without gaps. */
  @IsInt()
  @Min(0)
  sequence!: number;

  @IsOptional()
  @IsObject()
  output?: { readonly type: string };

  /** Terminal. A code of the problem table, with the detail that a caller may read. */
  @IsOptional()
  @IsObject()
  problem?: { readonly code: string; readonly detail?: string };

  /**
   * Terminal for the attempt but not for the job, which goes to another worker. `ordered`: at a point where nothing is
   * lost. `failed`: the attempt broke, which counts towards quarantine. `problem` then gives the reason.
   */
  @IsOptional()
  @IsIn(['ordered', 'failed'])
  handBack?: 'ordered' | 'failed';
}

/**
 * The session's answer to a terminal envelope, which is sent as a request. `taken`: accepted, with all outputs before
 * it. `stale`: a newer attempt owns the job. `gone`: nobody wants the job. There is no answer if outputs are missing or
 * the gateway is not reachable.
 */
export class TerminalAnswer {
  @IsIn(['taken', 'stale', 'gone'])
  verdict!: 'taken' | 'stale' | 'gone';
}

/** Header of every frame from session to worker. */
export class InputEnvelope {
  @IsInt()
  @Min(1)
  attempt!: number;

  /** `input` frames are numbered from 0 within the attempt, without gaps. The others have no number of their own. */
  @IsIn(['input', 'count', 'cancel', 'resume'])
  type!: 'input' | 'count' | 'cancel' | 'resume';

  /**
   * For `input`: its number. For `count`: the number of inputs sent so far. For `resume`: the output from which to send
   * again.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  sequence?: number;

  /** One of the kind's inputs. */
  @IsOptional()
  @IsObject()
  input?: { readonly type: string };

  /** For `cancel`: the reason, for metrics. */
  @IsOptional()
  @IsString()
  reason?: string;

  /** For `cancel`: whether another attempt owns the job. If so, the message must be left alone. */
  @IsOptional()
  @IsBoolean()
  superseded?: boolean;
}
