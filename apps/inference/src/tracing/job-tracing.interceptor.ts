import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { finalize, tap, type Observable } from 'rxjs';
import { HandBack, type JobContext } from '@app/broker';
import { Tracing } from '@app/platform';
import { ProblemError, type Job } from '@app/protocol';

/** A span for each attempt at a job; its handler finds the span's trace context in place of the one that came with the job. */
@Injectable()
export class JobTracingInterceptor implements NestInterceptor {
  constructor(private readonly tracing: Tracing) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const rpc = execution.switchToRpc();
    const job = rpc.getData<Job>();
    const context = rpc.getContext<JobContext>();
    const span = this.tracing.start(`run ${execution.getHandler().name}`, {
      parent: context.headers,
      kind: 'consumer',
      attributes: {
        'antiphon.request_id': job.requestId,
        'antiphon.job_id': context.jobId,
        'antiphon.model': job.model,
        'antiphon.attempt': context.attempt,
      },
    });
    Object.assign(context.headers, span.headers);
    return next.handle().pipe(
      tap({
        error: (error: unknown) => span.end(error instanceof HandBack ? undefined : ProblemError.from(error).code),
      }),
      finalize(() => span.end()),
    );
  }
}
