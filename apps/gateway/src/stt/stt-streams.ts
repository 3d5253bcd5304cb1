import { Injectable } from '@nestjs/common';
import { JobClient } from '@app/broker';
import { ErrorMetrics, GatewayMetrics, Log } from '@app/platform';
import type { ProblemError } from '@app/protocol';
import type { AudioInput } from './audio-input';
import { SttSession, type SttEvent, type SttPorts, type SttSettings } from './stt-session';

/** Opens STT streams, and logs how each ended. */
@Injectable()
export class SttStreams {
  constructor(
    private readonly jobs: JobClient,
    private readonly metrics: GatewayMetrics,
    private readonly errors: ErrorMetrics,
    private readonly log: Log,
  ) {}

  open(settings: SttSettings, input: AudioInput, ports: Omit<SttPorts, 'jobs' | 'metrics'>): SttSession {
    return SttSession.open(settings, input, {
      ...ports,
      jobs: this.jobs,
      metrics: this.metrics,
      emit: (event) => {
        if (event.type === 'ended') this.logEnd(ports.requestId, event);
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
