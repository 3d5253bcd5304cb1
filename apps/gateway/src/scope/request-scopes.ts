import { Injectable } from '@nestjs/common';
import { JobClient } from '@app/broker';
import { ErrorMetrics, Log, Tracing } from '@app/platform';
import { GatewayMetrics } from '../metrics/gateway-metrics';
import { RequestScope, type Caller, type ScopeServices, type Work } from './request-scope';

/** Opens a scope for each piece of admitted work. */
@Injectable()
export class RequestScopes implements ScopeServices {
  constructor(
    readonly jobs: JobClient,
    readonly tracing: Tracing,
    readonly metrics: GatewayMetrics,
    readonly log: Log,
    /** For problems that are told within an answer. Those that are thrown are counted where they are answered. */
    readonly errors: ErrorMetrics,
  ) {}

  /** Opens work that takes its concurrency slot later. It has ended already where the caller has left. */
  open(caller: Caller, work: Work): RequestScope {
    return new RequestScope(this, caller, work);
  }

  /** Opens work that has a concurrency slot from the start; throws `concurrency_limited`, and then nothing was opened. */
  openActive(caller: Caller, work: Work): RequestScope {
    return new RequestScope(this, caller, work, caller.admission.enter());
  }
}
