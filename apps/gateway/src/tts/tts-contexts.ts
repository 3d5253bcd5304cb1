import { Injectable } from '@nestjs/common';
import { JobClient } from '@app/broker';
import { ErrorMetrics, GatewayMetrics, Log } from '@app/platform';
import type { ProblemError } from '@app/protocol';
import { GatewayConfig } from '../gateway.config';
import type { ContextEvent } from './context-events';
import { TtsContext, type ContextPorts } from './tts-context';
import type { TtsSettings } from './tts-request';

/** Opens contexts, and logs how each ended. */
@Injectable()
export class TtsContexts {
  constructor(
    private readonly config: GatewayConfig,
    private readonly jobs: JobClient,
    private readonly metrics: GatewayMetrics,
    private readonly errors: ErrorMetrics,
    private readonly log: Log,
  ) {}

  /** `aheadMs`: unplayed audio beyond which nothing more is made; Infinity where only what the client takes shall count. */
  open(
    settings: TtsSettings,
    ports: Omit<ContextPorts, 'jobs' | 'metrics' | 'limits'>,
    aheadMs = this.config.ttsAheadMs,
  ): TtsContext {
    const { contextExpiryMs, maxTranscriptCharacters } = this.config;
    return TtsContext.open(settings, {
      ...ports,
      jobs: this.jobs,
      metrics: this.metrics,
      limits: { aheadMs, expiryMs: contextExpiryMs, maxCharacters: maxTranscriptCharacters },
      emit: (event) => {
        if (event.type === 'ended') this.logEnd(ports.requestId, event);
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
