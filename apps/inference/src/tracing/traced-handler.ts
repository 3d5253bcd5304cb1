import { HandBack, type JobHandler } from '@app/broker';
import type { Tracing } from '@app/platform';
import { ProblemError, type JobKind } from '@app/protocol';

/**
 * Wraps a handler with a span for each attempt. The handler gets the trace context of the span instead of the one that
 * arrived with the job.
 */
export function tracedHandler(tracing: Tracing, kind: JobKind, handler: JobHandler): JobHandler {
  if (!tracing.isOn) return handler;
  return async (job, context) => {
    const span = tracing.start(`run ${kind}`, {
      parent: context.headers,
      kind: 'consumer',
      attributes: {
        'antiphon.request_id': job.requestId,
        'antiphon.job_id': context.jobId,
        'antiphon.model': job.model,
        'antiphon.attempt': context.attempt,
      },
    });
    try {
      await handler(job, { ...context, headers: { ...context.headers, ...span.headers } });
      span.end();
    } catch (error) {
      const isOrderly = error instanceof HandBack || context.signal.aborted;
      span.end(isOrderly ? undefined : ProblemError.from(error).code);
      throw error;
    }
  };
}
