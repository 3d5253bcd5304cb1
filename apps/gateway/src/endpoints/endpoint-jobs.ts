import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { jobResult } from '@app/broker';
import { laneClasses, laneName, ProblemError, type JobKind } from '@app/protocol';
import { Catalogue } from '../catalogue/catalogue';
import type { Admission } from '../auth/gatekeeper';
import { callerOf } from '../http/caller';
import { RequestScopes } from '../scope/request-scopes';
import { noUse } from '../usage/usage-record';
import { useOfRecording } from './recording';

/** The request of an endpoint, as Nest passes it to the route. */
export interface EndpointCall {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly admission: Admission;
}

/** The job that a function endpoint sends to its handler. */
export interface EndpointJob {
  readonly kind: JobKind;
  /** The fields of the job class of this kind, besides those of every job. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body?: Uint8Array;
}

/** Runs jobs for endpoints that answer one request with one result. */
@Injectable()
export class EndpointJobs {
  constructor(
    private readonly scopes: RequestScopes,
    private readonly catalogue: Catalogue,
  ) {}

  /**
   * Returns the handler's result. Throws the problem with which the job ended. If the caller disconnects, the job is
   * cancelled.
   */
  async run({ request, reply, admission }: EndpointCall, { kind, fields, body }: EndpointJob): Promise<object> {
    const lane = this.catalogue.laneOf(kind);
    const work = { kind, name: `${kind} request`, model: lane.model };
    const scope = this.scopes.openActive(callerOf(request, reply, admission), work);
    scope.measure(() => (body ? useOfRecording(body) : noUse));
    try {
      const [jobClass = ''] = laneClasses(lane);
      const job = { ...fields, requestId: request.id, model: lane.model };
      const result = await jobResult(
        scope,
        { lane, jobClass, job, ...(body ? { body } : {}) },
        {
          signal: scope.signal,
          onClaim: ({ waitedMs }) => scope.metrics.waitedInQueue(laneName(lane), waitedMs),
        },
      );
      scope.end({ outcome: 'done' });
      await scope.stored();
      return result;
    } catch (error) {
      const problem = ProblemError.from(error);
      const isCancelled = problem.code === 'cancelled';
      scope.end(isCancelled ? { outcome: 'cancelled', reason: 'disconnected' } : { outcome: 'error', problem });
      await scope.stored();
      throw problem;
    }
  }
}
