import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { JobClient } from '@app/broker';
import { GatewayMetrics, traceHeadersOf } from '@app/platform';
import { functionOf, ProblemError, type JobKind } from '@app/protocol';
import { Catalogue } from '../catalogue/catalogue';
import type { Admission } from '../auth/gatekeeper';

/** Whose request it is: what Nest gives a route. */
export interface EndpointCall {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly admission: Admission;
}

/** What a function endpoint sends to its handler. */
export interface EndpointJob {
  readonly kind: JobKind;
  /** The fields of the kind's job class beyond those of every job. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body?: Uint8Array;
}

/** Runs jobs for endpoints that answer one request with one result. */
@Injectable()
export class EndpointJobs {
  constructor(
    private readonly jobs: JobClient,
    private readonly metrics: GatewayMetrics,
    private readonly catalogue: Catalogue,
  ) {}

  /** The handler's result. Throws the problem that the job ended with; a caller that goes away cancels it. */
  async run({ request, reply, admission }: EndpointCall, { kind, fields, body }: EndpointJob): Promise<object> {
    const lane = this.catalogue.laneOf(kind);
    const leave = admission.enter();
    const gone = new AbortController();
    const onClose = (): void => gone.abort();
    reply.raw.once('close', onClose);
    this.metrics.opened(kind);
    try {
      const result = await this.jobs.run(
        {
          lane,
          jobClass: functionOf(kind).classes[0]?.name ?? '',
          job: { ...fields, requestId: request.id, model: lane.model },
          headers: traceHeadersOf(request.headers) ?? {},
          ...(body ? { body } : {}),
        },
        gone.signal,
      );
      this.metrics.ended(kind, 'done');
      return result;
    } catch (error) {
      const problem = ProblemError.from(error);
      this.metrics.ended(kind, problem.code === 'cancelled' ? 'cancelled' : 'error');
      throw problem;
    } finally {
      reply.raw.off('close', onClose);
      leave();
    }
  }
}
