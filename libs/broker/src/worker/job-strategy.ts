import type { DiscoveryService } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { functionGraph, ProblemError, type JobKind } from '@app/protocol';
import type { JobHandler } from '../job-context';
import { jobHandlersOf, type JobHandlers } from './job-handlers';
import { LaneRunner, type LaneRunnerOptions } from './lane-runner';
import type { BroughtJob, JobTaker, SeatedJob } from './worker-contract';

/** A worker's options, but for the handlers, which are Nest's. */
export interface JobStrategyOptions extends Omit<LaneRunnerOptions, 'handlers'> {
  /** How long `close` waits for running jobs before it hands them back. */
  readonly drainTimeoutMs: number;
  /** What stands around each handler: traces. */
  readonly around?: (kind: JobKind, handler: JobHandler) => JobHandler;
}

/**
 * Runs jobs with the handlers of a Nest app: `@MessagePattern(KIND)` on a method `run(job, context: JobContext): Promise<void>`
 * of a controller. Nest finds and constructs them; a job calls the method itself, without pipes, guards, interceptors or filters.
 */
export class JobStrategy implements CustomTransportStrategy, JobTaker {
  private runner: LaneRunner | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly options: JobStrategyOptions,
  ) {}

  /** Throws when a function of the graph has no handler, or two, whichever lanes are served. For a boot that fails early. */
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

  /** Starts the worker: it pulls, or takes what is brought. */
  async start(): Promise<void> {
    this.runner = new LaneRunner({ ...this.options, handlers: this.handlers() });
    await this.runner.start();
  }

  /** For Nest, which gives the callback the error that kept the worker from starting. */
  listen(callback: (error?: unknown) => void): void {
    this.start().then(() => callback(), callback);
  }

  /** For Nest, which would have its own wrapping of each method called. */
  addHandler(): void {}

  /** Drains. */
  async close(): Promise<void> {
    await this.runner?.stop(this.options.drainTimeoutMs);
  }

  async take(job: BroughtJob, gone: AbortSignal): Promise<SeatedJob> {
    if (!this.runner) throw new ProblemError('worker_unavailable', { retryAfterSeconds: 1 });
    return this.runner.take(job, gone);
  }
}
