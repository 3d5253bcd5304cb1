import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { from, isObservable, mergeMap, of, throwError, type Observable } from 'rxjs';
import { functionGraph, ProblemError, type Job, type JobKind } from '@app/protocol';
import type { JobContext, JobEmission } from '../job-context';
import { LaneRunner, type LaneRunnerOptions } from './lane-runner';
import type { BroughtJob, JobHandler, JobTaker, SeatedJob } from './worker-contract';

/** A worker's options, but for the handlers, which are Nest's. */
export interface JobStrategyOptions extends Omit<LaneRunnerOptions, 'handlers'> {
  /** How long `close` waits for running jobs before it hands them back. */
  readonly drainTimeoutMs: number;
}

/**
 * Runs Nest message handlers as job handlers: `@MessagePattern(KIND)` on a method
 * `(@Payload() job, @Ctx() context: JobContext) => Observable<JobEmission>`.
 * Boot fails when a function of the graph has no handler, or two, whichever lanes are served.
 */
export class JobStrategy extends Server implements CustomTransportStrategy, JobTaker {
  private runner: LaneRunner | undefined;
  private readonly doubled = new Set<string>();

  constructor(private readonly options: JobStrategyOptions) {
    super();
  }

  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false, extras = {}): void {
    if (typeof pattern === 'string' && this.messageHandlers.has(this.normalizePattern(pattern)))
      this.doubled.add(pattern);
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Starts the worker; the callback gets the error that kept it from starting. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.runner = new LaneRunner({ ...this.options, handlers: this.handlers() });
      await this.runner.start();
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Drains. */
  async close(): Promise<void> {
    await this.runner?.stop(this.options.drainTimeoutMs);
  }

  async take(job: BroughtJob, gone: AbortSignal): Promise<SeatedJob> {
    if (!this.runner) throw new ProblemError('worker_unavailable', { retryAfterSeconds: 1 });
    return this.runner.take(job, gone);
  }

  on(): void {
    throw new Error('a job strategy has no events');
  }

  /** The LaneRunner; undefined before `listen`. */
  unwrap<T>(): T {
    return this.runner as T;
  }

  private handlers(): Partial<Record<JobKind, JobHandler>> {
    return Object.fromEntries(
      functionGraph.map(({ kind }) => {
        const handler = this.getHandlerByPattern(kind);
        if (!handler) {
          throw new Error(`function ${kind} has no handler: add @MessagePattern('${kind}') to a method`);
        }
        if (this.doubled.has(kind)) {
          throw new Error(`function ${kind} has two handlers: remove one @MessagePattern('${kind}')`);
        }
        return [kind, jobHandlerOf(handler)];
      }),
    );
  }
}

/** Nest answers with a promise of an Observable. */
function jobHandlerOf(handler: MessageHandler): JobHandler {
  return (job: Job, context: JobContext) =>
    from(Promise.resolve(handler(job, context))).pipe(
      mergeMap((result: unknown) => (isObservable(result) ? result : of(result)) as Observable<JobEmission>),
    );
}

/** Lets errors of handlers through to the worker as they are; Nest would hide them behind one of its own. Use it globally. */
@Catch()
export class JobExceptionFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
