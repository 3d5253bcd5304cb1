import type { JobClient, JobHandle, JobListener, JobRequest } from '@app/broker';
import type { Log, TraceHeaders, TraceSpan, Tracing } from '@app/platform';
import { laneName, type JobKind, type ProblemError } from '@app/protocol';
import type { Admission } from '../auth/gatekeeper';
import { assertModelLicensed } from '../auth/licensed-model';
import type { GatewayMetrics } from '../metrics/gateway-metrics';
import { usageRecord, type Use } from '../usage/usage-record';
import type { UsageRecorder } from '../usage/usage-recorder';

/** The caller of a piece of work, as the HTTP or socket layer knows it. */
export interface Caller {
  readonly requestId: string;
  readonly admission: Admission;
  /** Aborts when the caller's connection is closed. */
  readonly signal: AbortSignal;
  /** Trace context of the request, or undefined if it has none. */
  readonly parent: TraceHeaders | undefined;
  /** When the request came, on the clock of `performance.now`. */
  readonly receivedAtMs: number;
}

/** The description of a piece of work. */
export interface Work {
  readonly kind: JobKind;
  /** Name of its span and of its last log line. */
  readonly name: string;
  /** Undefined until the request has named a model. */
  readonly model?: string;
}

/**
 * `client`: the client asked for it. `disconnected`: the connection ended. `expired`: the client left a context idle.
 * `draining`: this server stops.
 */
export type CancelReason = 'client' | 'disconnected' | 'expired' | 'draining';

/** How a piece of work ended. */
export type WorkEnd =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'error'; readonly problem: ProblemError }
  | { readonly outcome: 'cancelled'; readonly reason: CancelReason };

/** The services that every scope of a gateway uses. */
export interface ScopeServices {
  readonly jobs: Pick<JobClient, 'submit'>;
  readonly tracing: Tracing;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
  readonly usage: Pick<UsageRecorder, 'record'>;
}

/**
 * One piece of admitted work: a TTS context, an STT stream or the job of an endpoint. Holds its request id, trace, log,
 * metrics and concurrency slot from its begin to its one end. It ends as cancelled when its caller disconnects, even if
 * no other code notices.
 */
export class RequestScope {
  readonly requestId: string;
  readonly metrics: GatewayMetrics;
  private readonly span: TraceSpan;
  private readonly log: Log;
  private admission: Admission;
  private ended = false;
  private model: string | undefined;
  /** Undefined until the work is measured. */
  private use: (() => Use) | undefined;
  /** Called when the usage record is stored. Undefined afterwards. */
  private whenStored: (() => void)[] | undefined = [];
  private stop: (() => void) | undefined;

  /** `leave` releases the concurrency slot, if the work already has one. */
  constructor(
    private readonly services: ScopeServices,
    private readonly caller: Caller,
    private readonly work: Work,
    private leave?: () => void,
  ) {
    this.requestId = caller.requestId;
    this.admission = caller.admission;
    this.metrics = services.metrics;
    this.log = services.log.child({ requestId: caller.requestId });
    this.span = services.tracing.start(work.name, {
      parent: caller.parent,
      attributes: { 'antiphon.request_id': caller.requestId },
      startedAtMs: caller.receivedAtMs,
    });
    if (work.model !== undefined) this.name(work.model);
    this.metrics.opened(work.kind);
    if (caller.signal.aborted) this.onCallerGone();
    else caller.signal.addEventListener('abort', this.onCallerGone, { once: true });
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /** Aborts when the caller disconnects. */
  get signal(): AbortSignal {
    return this.caller.signal;
  }

  /** When the request came, on the clock of `performance.now`. */
  get receivedAtMs(): number {
    return this.caller.receivedAtMs;
  }

  /** Trace context for the calls and jobs of this work. */
  get trace(): TraceHeaders {
    return this.span.headers;
  }

  /** Sets the model, once it is known. Throws `model_not_licensed`. */
  concerns(model: string): void {
    this.name(model);
    assertModelLicensed(this.admission, model);
  }

  /** Sets what counts the use of this work, which has begun. It is asked once, at the end. Without it there is no record. */
  measure(use: () => Use): void {
    this.use = use;
  }

  /** Calls `stop` once if the caller disconnects before the end, or at once if it has disconnected already. */
  whenCallerGone(stop: () => void): void {
    if (this.caller.signal.aborted) stop();
    else this.stop = stop;
  }

  /** Takes a concurrency slot unless the work has one. Throws `concurrency_limited`. */
  enter(): void {
    if (!this.ended) this.leave ??= this.admission.enter();
  }

  /** Releases the concurrency slot. The work goes on and may take a slot again. */
  rest(): void {
    this.leave?.();
    this.leave = undefined;
  }

  /**
   * Moves the work to a newer admission, which may have another limit. If this throws `concurrency_limited`, the slot
   * is lost.
   */
  moveTo(admission: Admission): void {
    this.admission = admission;
    if (!this.leave) return;
    this.rest();
    this.enter();
  }

  /** Like `JobClient.submit`. The worker's part of the job joins the trace. */
  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    const attributes = { 'antiphon.lane': laneName(request.lane), 'antiphon.job_class': request.jobClass };
    const offer = this.services.tracing.start('offer job', { parent: this.trace, kind: 'producer', attributes });
    try {
      return await this.services.jobs.submit({ ...request, headers: offer.headers }, listener);
    } finally {
      offer.end();
    }
  }

  /**
   * Ends the work: releases the slot, counts the outcome, ends the span, logs, and stores the usage record if the work was
   * measured. Later calls change nothing. Calls `stored` once the record is stored: the caller is told of the end only then.
   */
  end(end: WorkEnd, stored: () => void = () => undefined): void {
    this.onStored(stored);
    if (this.ended) return;
    this.ended = true;
    this.rest();
    this.caller.signal.removeEventListener('abort', this.onCallerGone);
    this.metrics.ended(this.work.kind, end.outcome);
    this.span.set({ 'antiphon.outcome': end.outcome });
    this.span.end(end.outcome === 'error' ? end.problem.code : undefined);
    this.logEnd(end);
    this.store(end);
  }

  /** Resolves when the work has ended and its usage record is stored. */
  stored(): Promise<void> {
    return new Promise((resolve) => this.onStored(resolve));
  }

  private name(model: string): void {
    this.model = model;
    this.span.set({ 'antiphon.model': model });
  }

  private onStored(call: () => void): void {
    if (this.whenStored) this.whenStored.push(call);
    else this.tell(call);
  }

  /** Calls a caller. One that fails keeps no other from being told. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.log.error('caller could not be told of its end', { err: error });
    }
  }

  private store(end: WorkEnd): void {
    const { requestId, work, model } = this;
    const { keyId } = this.admission;
    const stored = (): void => {
      const calls = this.whenStored ?? [];
      this.whenStored = undefined;
      for (const call of calls) this.tell(call);
    };
    // Refusals cost their client nothing. A record of each would fill the spool past its limit.
    if (!this.use || model === undefined) return stored();
    const record = usageRecord({ requestId, keyId, kind: work.kind, model, outcome: end.outcome }, this.use());
    this.services.usage.record(record, stored);
  }

  private readonly onCallerGone = (): void => {
    this.end({ outcome: 'cancelled', reason: 'disconnected' });
    this.stop?.();
  };

  private logEnd(end: WorkEnd): void {
    const message = `${this.work.name} ended`;
    const { outcome } = end;
    if (end.outcome === 'error') {
      const { code, cause } = end.problem;
      this.log.warn(message, { outcome, code, ...(cause ? { err: cause } : {}) });
    } else {
      this.log.info(message, { outcome, ...(end.outcome === 'cancelled' ? { reason: end.reason } : {}) });
    }
  }
}
