import type { DiscoveryService } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { functionGraph, ProblemError, type JobKind } from '@app/protocol';
import type { JobHandler } from '../job-context';
import { jobHandlersOf, type JobHandlers } from './job-handlers';
import { LaneRunner, type LaneRunnerOptions } from './lane-runner';
import type { DeliveredJob, JobTaker, SeatedJob } from './worker-contract';

/** The options of a worker. Nest provides the handlers. */
export interface JobStrategyOptions extends Omit<LaneRunnerOptions, 'handlers'> {
  /** Milliseconds that `close` waits for running jobs before it hands them back. */
  readonly drainTimeoutMs: number;
  /** Wraps each handler, for traces. */
  readonly around?: (kind: JobKind, handler: JobHandler) => JobHandler;
}

/**
 * Runs jobs with the handlers of a Nest app: methods `run(job, context: JobContext): Promise<void>` of controllers,
 * with `@MessagePattern(KIND)`. Nest finds and constructs them. A job calls the method directly, without pipes, guards,
 * interceptors or filters.
 */
export class JobStrategy implements CustomTransportStrategy, JobTaker {
  private runner: LaneRunner | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly options: JobStrategyOptions,
  ) {}

  /**
   * Returns the handlers. Throws if a function of the graph has no handler or two, even if its lanes are not served, so
   * that the app fails early.
   */
  handlers(): JobHandlers {
    const found = jobHandlersOf(this.discovery);
    const { around } = this.options;
    if (!around) return found;
    return Object.fromEntries(
      functionGraph.flatMap(({ kind }) => {
        const handler = found[kind];
        return handler ? [[kind, around(kind, handler)]] : [];
      }),
    );
  }

  /** Starts the worker, which pulls jobs or takes those of JobTaker. */
  async start(): Promise<void> {
    this.runner = new LaneRunner({ ...this.options, handlers: this.handlers() });
    await this.runner.start();
  }

  /** Called by Nest. The callback gets the error that prevented the start. */
  listen(callback: (error?: unknown) => void): void {
    this.start().then(() => callback(), callback);
  }

  /** Called by Nest, which would call its own wrapper of each method. */
  addHandler(): void {}

  /** Drains the worker. */
  async close(): Promise<void> {
    await this.runner?.stop(this.options.drainTimeoutMs);
  }

  async take(job: DeliveredJob, gone: AbortSignal): Promise<SeatedJob> {
    if (!this.runner) throw new ProblemError('worker_unavailable', { retryAfterSeconds: 1 });
    return this.runner.take(job, gone);
  }
}
