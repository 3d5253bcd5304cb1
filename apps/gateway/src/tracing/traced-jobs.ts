import { Injectable } from '@nestjs/common';
import { JobClient, type JobHandle, type JobListener, type JobRequest } from '@app/broker';
import { Tracing, type SpanBeginning, type TraceHeaders, type TraceSpan } from '@app/platform';
import { laneName } from '@app/protocol';

/** Offers jobs within the traces of what they are for. */
@Injectable()
export class TracedJobs {
  constructor(
    private readonly jobs: JobClient,
    private readonly tracing: Tracing,
  ) {}

  /** Begins a piece of work of a session: a context, an STT stream. */
  begin(name: string, beginning: SpanBeginning): SessionTrace {
    return new SessionTrace(this.jobs, this.tracing, this.tracing.start(name, beginning));
  }
}

/** The span of a piece of work, and its jobs. */
export class SessionTrace {
  constructor(
    private readonly jobs: Pick<JobClient, 'submit'>,
    private readonly tracing: Tracing,
    private readonly span: TraceSpan,
  ) {}

  /** For what it causes besides jobs. */
  get headers(): TraceHeaders {
    return this.span.headers;
  }

  /** As `JobClient.submit`; what the worker does with the job is part of the trace. */
  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    const attributes = { 'antiphon.lane': laneName(request.lane), 'antiphon.job_class': request.jobClass };
    const offer = this.tracing.start('offer job', { parent: this.span.headers, kind: 'producer', attributes });
    try {
      return await this.jobs.submit({ ...request, headers: offer.headers }, listener);
    } finally {
      offer.end();
    }
  }

  end(outcome: string, problemCode?: string): void {
    this.span.set({ 'antiphon.outcome': outcome });
    this.span.end(problemCode);
  }
}
