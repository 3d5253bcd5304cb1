import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ProblemError, type ProblemCode } from '@app/protocol';
import { Log } from './log';
import { ErrorMetrics } from './metrics/error-metrics';
import { problemBody, problemHeaders } from './problem-body';
import { requestIdHeader } from './request-id';

/** What is used of Fastify's request and reply. */
interface HttpRequest {
  readonly id: string;
}
interface HttpReply {
  readonly raw: { readonly headersSent: boolean; destroy(): void };
  status(code: number): HttpReply;
  headers(values: Record<string, string>): HttpReply;
  send(body: unknown): unknown;
}

/** Turns whatever a handler throws into a problem: the one place where HTTP errors are written. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly errors: ErrorMetrics,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const problem = problemOf(thrown);
    const request = host.switchToHttp().getRequest<HttpRequest>();
    const reply = host.switchToHttp().getResponse<HttpReply>();
    this.errors.count(problem.code);
    const fields = { requestId: request.id, code: problem.code, ...(problem.cause ? { err: problem.cause } : {}) };
    if (problem.row.status >= 500) this.log.error('request failed', fields);
    else this.log.info('request refused', fields);
    if (reply.raw.headersSent) {
      // The answer has begun; breaking the connection is the only way left to say that it is not whole.
      reply.raw.destroy();
      return;
    }
    reply
      .status(problem.row.status)
      .headers({
        [requestIdHeader]: request.id,
        'content-type': 'application/json; charset=utf-8',
        ...problemHeaders(problem),
      })
      .send(problemBody(problem, request.id));
  }
}

const codesByStatus: Readonly<Record<number, ProblemCode>> = {
  401: 'key_missing',
  404: 'not_found',
  408: 'request_timeout',
  405: 'not_found',
  413: 'too_large',
  415: 'media_type_not_supported',
  429: 'concurrency_limited',
};

/** A problem as it is; an error of the framework by its status, without its text; anything else as `internal`. */
export function problemOf(thrown: unknown): ProblemError {
  if (thrown instanceof ProblemError) return thrown;
  if (!(thrown instanceof HttpException)) return ProblemError.from(thrown);
  const status = thrown.getStatus();
  if (status >= 500) return new ProblemError('internal', { cause: thrown });
  const code = codesByStatus[status] ?? 'bad_request';
  if (code !== 'bad_request') return new ProblemError(code, { cause: thrown });
  return new ProblemError(code, {
    detail: `${STATUS_CODES[status] ?? 'Bad Request'}: the request could not be read.`,
    cause: thrown,
  });
}
