import type { LoggerService } from '@nestjs/common';
import type { Log, LogFields } from './log';

/** Passes Nest's own log lines to our log, so that they are JSON too. Lines about its start are of level debug. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.target.debug(textOf(message), fieldsOf(message, rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.target.error(textOf(message), fieldsOf(message, rest));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn(textOf(message), fieldsOf(message, rest));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug(textOf(message), fieldsOf(message, rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.debug(textOf(message), fieldsOf(message, rest));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.target.fatal(textOf(message), fieldsOf(message, rest));
  }
}

const textOf = (message: unknown): string => (typeof message === 'string' ? message : 'framework message');

/** Nest passes the context as the last argument, and a stack or an error before it. */
function fieldsOf(message: unknown, rest: readonly unknown[]): LogFields {
  const context = rest.at(-1);
  const error = [message, ...rest].find((part) => part instanceof Error);
  return { ...(typeof context === 'string' ? { context } : {}), ...(error ? { err: error } : {}) };
}
