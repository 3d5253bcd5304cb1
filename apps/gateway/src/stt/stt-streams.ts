import { Injectable } from '@nestjs/common';
import { ErrorMetrics, GatewayMetrics, Log, type TraceHeaders } from '@app/platform';
import type { ProblemError } from '@app/protocol';
import { TracedJobs } from '../tracing/traced-jobs';
import type { AudioInput } from './audio-input';
import { SttSession, type SttEvent, type SttPorts, type SttSettings } from './stt-session';

/** What whoever opens an STT stream has for it. */
export interface OpenerPorts extends Omit<SttPorts, 'jobs' | 'metrics'> {
  /** Trace context of the request; none where it has none. */
  readonly parent: TraceHeaders | undefined;
}

/** Opens STT streams, and logs how each ended. */
@Injectable()
export class SttStreams {
  constructor(
    private readonly jobs: TracedJobs,
    private readonly metrics: GatewayMetrics,
    private readonly errors: ErrorMetrics,
    private readonly log: Log,
  ) {}

  open(settings: SttSettings, input: AudioInput, ports: OpenerPorts): SttSession {
    const trace = this.jobs.begin('stt stream', {
      parent: ports.parent,
      attributes: { 'antiphon.request_id': ports.requestId, 'antiphon.model': settings.model.model },
    });
    return SttSession.open(settings, input, {
      ...ports,
      jobs: trace,
      metrics: this.metrics,
      emit: (event) => {
        if (event.type === 'ended') {
          trace.end(event.outcome, event.outcome === 'error' ? event.problem.code : undefined);
          this.logEnd(ports.requestId, event);
        }
        ports.emit(event);
      },
    });
  }

  /** A problem was told on a socket. */
  told(problem: ProblemError): void {
    this.errors.count(problem.code);
  }

  private logEnd(requestId: string, end: Extract<SttEvent, { type: 'ended' }>): void {
    const fields = { requestId, outcome: end.outcome };
    if (end.outcome === 'error') {
      const { code, cause } = end.problem;
      this.log.warn('STT stream ended', { ...fields, code, ...(cause ? { err: cause } : {}) });
    } else this.log.info('STT stream ended', fields);
  }
}
