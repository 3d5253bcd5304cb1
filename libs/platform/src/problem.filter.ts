import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ProblemError, type ProblemCode } from '@app/protocol';
import { Log } from './log';
import { ErrorMetrics } from './metrics/error-metrics';
import { problemBody, problemHeaders } from './problem-body';
import { requestIdHeader } from './request-id';

/** The used part of Fastify's request and reply. */
interface HttpRequest {
  readonly id: string;
}
interface HttpReply {
  readonly raw: { readonly headersSent: boolean; destroy(): void };
  status(code: number): HttpReply;
  headers(values: Record<string, string>): HttpReply;
  send(body: unknown): unknown;
}

/** Turns every error of a handler into a problem. All HTTP errors are written here. */
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
      // The response has begun. Only closing the connection can show that it is incomplete.
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

/**
 * The problem for a thrown value. A problem stays as it is. A framework error becomes the problem of its status,
 * without its text. All other values become `internal`.
 */
export function problemOf(thrown: unknown): ProblemError {
  if (thrown instanceof ProblemError) return thrown;
  if (!(thrown instanceof HttpException)) return ProblemError.from(thrown);
  const status = thrown.getStatus();
  if (status >= 500) return new ProblemError('internal', { cause: thrown });
  const code = codesByStatus[status] ?? 'bad_request';
  // Without the cause, whose message quotes the URL or the body: a key may stand in either, and causes are logged.
  if (code !== 'bad_request') return new ProblemError(code);
  return new ProblemError(code, { detail: `${STATUS_CODES[status] ?? 'Bad Request'}: the request could not be read.` });
}
