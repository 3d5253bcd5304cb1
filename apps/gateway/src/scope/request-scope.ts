import type { JobClient, JobHandle, JobListener, JobRequest } from '@app/broker';
import type { Log, TraceHeaders, TraceSpan, Tracing } from '@app/platform';
import { laneName, type JobKind, type ProblemError } from '@app/protocol';
import type { Admission } from '../auth/gatekeeper';
import type { GatewayMetrics } from '../metrics/gateway-metrics';

/** Whose work it is, as the edge knows it. */
export interface Caller {
  readonly requestId: string;
  readonly admission: Admission;
  /** Aborts when the caller's connection is gone. */
  readonly signal: AbortSignal;
  /** Trace context of the request; undefined where it has none. */
  readonly parent: TraceHeaders | undefined;
  /** When the request came, on the clock of `performance.now`. */
  readonly receivedAtMs: number;
}

/** What a piece of work is. */
export interface Work {
  readonly kind: JobKind;
  /** Name of its span, and of its end in the log. */
  readonly name: string;
  /** Undefined while the request has not said which. */
  readonly model?: string;
}

/** `client`: it asked to; `disconnected`: its connection ended; `expired`: it left an idle context; `draining`: this server stops. */
export type CancelReason = 'client' | 'disconnected' | 'expired' | 'draining';

/** How a piece of work ended. */
export type WorkEnd =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'error'; readonly problem: ProblemError }
  | { readonly outcome: 'cancelled'; readonly reason: CancelReason };

/** What every scope of a gateway works with. */
export interface ScopeServices {
  readonly jobs: Pick<JobClient, 'submit'>;
  readonly tracing: Tracing;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
}

/**
 * One piece of admitted work (a TTS context, an STT stream, the job of an endpoint) from its beginning to its one end: its
 * request id, trace, log, metrics and concurrency slot. It ends as cancelled when its caller leaves, whoever else notices.
 */
export class RequestScope {
  readonly requestId: string;
  readonly metrics: GatewayMetrics;
  private readonly span: TraceSpan;
  private readonly log: Log;
  private admission: Admission;
  private ended = false;
  private stop: (() => void) | undefined;

  /** `leave` gives the concurrency slot back where the work has one already. */
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
    if (work.model !== undefined) this.concerns(work.model);
    this.metrics.opened(work.kind);
    if (caller.signal.aborted) this.onCallerGone();
    else caller.signal.addEventListener('abort', this.onCallerGone, { once: true });
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /** Aborted once the caller has left. */
  get signal(): AbortSignal {
    return this.caller.signal;
  }

  /** When the request came, on the clock of `performance.now`. */
  get receivedAtMs(): number {
    return this.caller.receivedAtMs;
  }

  /** Trace context for what the work causes. */
  get trace(): TraceHeaders {
    return this.span.headers;
  }

  /** The model, once it is known. */
  concerns(model: string): void {
    this.span.set({ 'antiphon.model': model });
  }

  /** Calls back once if the caller leaves before the end; at once where it has left. */
  whenCallerGone(stop: () => void): void {
    if (this.caller.signal.aborted) stop();
    else this.stop = stop;
  }

  /** Takes a concurrency slot unless the work has one; throws `concurrency_limited`. */
  enter(): void {
    if (!this.ended) this.leave ??= this.admission.enter();
  }

  /** Gives the concurrency slot back. The work goes on and may take one again. */
  rest(): void {
    this.leave?.();
    this.leave = undefined;
  }

  /** From now on under a newer admission, whose limit may be another; throws `concurrency_limited`, and the slot is lost. */
  moveTo(admission: Admission): void {
    this.admission = admission;
    if (!this.leave) return;
    this.rest();
    this.enter();
  }

  /** As `JobClient.submit`; what the worker does with the job is part of the trace. */
  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    const attributes = { 'antiphon.lane': laneName(request.lane), 'antiphon.job_class': request.jobClass };
    const offer = this.services.tracing.start('offer job', { parent: this.trace, kind: 'producer', attributes });
    try {
      return await this.services.jobs.submit({ ...request, headers: offer.headers }, listener);
    } finally {
      offer.end();
    }
  }

  /** The one end: frees the slot, counts, ends the span and logs. Later calls change nothing. */
  end(end: WorkEnd): void {
    if (this.ended) return;
    this.ended = true;
    this.rest();
    this.caller.signal.removeEventListener('abort', this.onCallerGone);
    this.metrics.ended(this.work.kind, end.outcome);
    this.span.set({ 'antiphon.outcome': end.outcome });
    this.span.end(end.outcome === 'error' ? end.problem.code : undefined);
    this.logEnd(end);
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
