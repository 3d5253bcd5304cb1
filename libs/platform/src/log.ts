import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';

/**
 * The fields of a log line: ids, counts and times. Never keys, texts, transcripts or audio. An error goes under `err`.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log levels, from most to least output. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** One of `logLevels`; each includes those after it. */
export type LogLevel = (typeof logLevels)[number];

/** Writes JSON lines with time, level, app and msg. Messages are constant texts. Variable values go into fields. */
export class Log {
  private constructor(private readonly logger: Logger) {}

  /** The log of an app, to standard output unless a destination is given. */
  static create(app: string, level: LogLevel = 'info', destination?: DestinationStream): Log {
    const options = {
      level,
      base: { app },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
    };
    return new Log(destination ? pino(options, destination) : pino(options));
  }

  /** A log that adds these fields to every line, such as `{ requestId }`. */
  child(fields: LogFields): Log {
    return new Log(this.logger.child(fields));
  }

  debug(message: string, fields: LogFields = {}): void {
    this.logger.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.logger.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.logger.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.logger.error(fields, message);
  }

  /** Logs an error after which the process ends. */
  fatal(message: string, fields: LogFields = {}): void {
    this.logger.fatal(fields, message);
  }
}
