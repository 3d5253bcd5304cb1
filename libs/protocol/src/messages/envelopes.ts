import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Min } from 'class-validator';
import { idPattern } from '../jobs/job';

/** Header of every frame from worker to session. `output` is one of the kind's own; `problem` ends the attempt. */
export class OutputEnvelope {
  @Matches(idPattern)
  workerId!: string;

  @IsInt()
  @Min(1)
  attempt!: number;

  /** From 0 within the attempt, without gaps. */
  @IsInt()
  @Min(0)
  sequence!: number;

  @IsOptional()
  @IsObject()
  output?: { readonly type: string };

  /** Terminal: a code of the problem table, and what a caller may read of it. */
  @IsOptional()
  @IsObject()
  problem?: { readonly code: string; readonly detail?: string };

  /**
   * Terminal for the attempt, not for the job, which goes to another worker: `ordered` at a point where nothing is lost, `failed`
   * when the attempt broke, which counts towards quarantine; `problem` then says how.
   */
  @IsOptional()
  @IsIn(['ordered', 'failed'])
  handBack?: 'ordered' | 'failed';
}

/**
 * The session's answer to a terminal envelope, which is sent as a request: `taken` with all outputs before it; `stale` when a
 * newer attempt owns the job; `gone` when nobody wants the job. No answer means that outputs are missing or the gateway is away.
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

  /** `input` frames are numbered from 0 within the attempt, without gaps; the others are outside the count. */
  @IsIn(['input', 'count', 'cancel', 'resume'])
  type!: 'input' | 'count' | 'cancel' | 'resume';

  /** Of an input: its number. Of a count: inputs sent so far. Of a resume: the output to send again from. */
  @IsOptional()
  @IsInt()
  @Min(0)
  sequence?: number;

  /** One of the kind's own inputs. */
  @IsOptional()
  @IsObject()
  input?: { readonly type: string };

  /** Of a cancel: why, for metrics. */
  @IsOptional()
  @IsString()
  reason?: string;

  /** Of a cancel: another attempt owns the job now, so the message must be left alone. */
  @IsOptional()
  @IsBoolean()
  superseded?: boolean;
}
