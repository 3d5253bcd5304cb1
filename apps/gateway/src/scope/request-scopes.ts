import { Inject, Injectable } from '@nestjs/common';
import { JobClient } from '@app/broker';
import { ErrorMetrics, Log, Tracing } from '@app/platform';
import { GatewayMetrics } from '../metrics/gateway-metrics';
import { assertModelLicensed } from '../auth/licensed-model';
import { UsageRecorder } from '../usage/usage-recorder';
import { RequestScope, type Caller, type ScopeServices, type Work } from './request-scope';

/** Opens a scope for each piece of admitted work. */
@Injectable()
export class RequestScopes implements ScopeServices {
  /** Counts problems that are sent within a response. The problem filter counts those that are thrown. */
  @Inject() readonly errors!: ErrorMetrics;

  constructor(
    readonly jobs: JobClient,
    readonly tracing: Tracing,
    readonly metrics: GatewayMetrics,
    readonly log: Log,
    readonly usage: UsageRecorder,
  ) {}

  /** Opens work that takes its concurrency slot later. If the caller has disconnected, the work has already ended. */
  open(caller: Caller, work: Work): RequestScope {
    return new RequestScope(this, caller, work);
  }

  /**
   * Opens work that has a concurrency slot from the start. If this throws `concurrency_limited`, or `model_not_licensed`
   * for a model that the work names, nothing was opened.
   */
  openActive(caller: Caller, work: Work): RequestScope {
    if (work.model !== undefined) assertModelLicensed(caller.admission, work.model);
    return new RequestScope(this, caller, work, caller.admission.enter());
  }
}
