import { Injectable } from '@nestjs/common';
import { ErrorMetrics, GatewayMetrics, Log, type TraceHeaders } from '@app/platform';
import type { ProblemError } from '@app/protocol';
import { GatewayConfig } from '../gateway.config';
import { TracedJobs } from '../tracing/traced-jobs';
import type { ContextEvent } from './context-events';
import { TtsContext, type ContextPorts } from './tts-context';
import type { TtsSettings } from './tts-request';

/** What whoever opens a context has for it. */
export interface OpenerPorts extends Omit<ContextPorts, 'jobs' | 'metrics' | 'limits' | 'trace'> {
  /** Trace context of the request; none where it has none. */
  readonly parent: TraceHeaders | undefined;
}

/** Opens contexts, and logs how each ended. */
@Injectable()
export class TtsContexts {
  constructor(
    private readonly config: GatewayConfig,
    private readonly jobs: TracedJobs,
    private readonly metrics: GatewayMetrics,
    private readonly errors: ErrorMetrics,
    private readonly log: Log,
  ) {}

  /** `aheadMs`: unplayed audio beyond which nothing more is made; Infinity where only what the client takes shall count. */
  open(settings: TtsSettings, ports: OpenerPorts, aheadMs = this.config.ttsAheadMs): TtsContext {
    const { contextExpiryMs, maxTranscriptCharacters } = this.config;
    const trace = this.jobs.begin('tts context', {
      parent: ports.parent,
      attributes: { 'antiphon.request_id': ports.requestId, 'antiphon.model': settings.voice.model },
      startedAtMs: ports.receivedAtMs,
    });
    return TtsContext.open(settings, {
      ...ports,
      jobs: trace,
      trace: trace.headers,
      metrics: this.metrics,
      limits: { aheadMs, expiryMs: contextExpiryMs, maxCharacters: maxTranscriptCharacters },
      emit: (event) => {
        if (event.type === 'ended') {
          trace.end(event.outcome, event.outcome === 'error' ? event.problem.code : undefined);
          this.logEnd(ports.requestId, event);
        }
        ports.emit(event);
      },
    });
  }

  /** A problem was told within an answer that had begun. */
  told(problem: ProblemError): void {
    this.errors.count(problem.code);
  }

  /** A context was refused before it came to be; that is its one end. */
  refused(problem: ProblemError, requestId: string): void {
    this.metrics.opened('tts');
    this.metrics.ended('tts', 'error');
    this.logEnd(requestId, { type: 'ended', outcome: 'error', problem });
  }

  private logEnd(requestId: string, end: Extract<ContextEvent, { type: 'ended' }>): void {
    const fields = { requestId, outcome: end.outcome };
    if (end.outcome === 'error') {
      const { code, cause } = end.problem;
      this.log.warn('context ended', { ...fields, code, ...(cause ? { err: cause } : {}) });
    } else
      this.log.info('context ended', { ...fields, ...(end.outcome === 'cancelled' ? { reason: end.reason } : {}) });
  }
}
