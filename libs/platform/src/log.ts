import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';

/** Values of a log line. Ids, counts and times; never keys, texts, transcripts or audio. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How much is logged. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** One of `logLevels`; each includes those after it. */
export type LogLevel = (typeof logLevels)[number];

/** JSON lines with time, level, app and msg. Messages are static text; what varies is in the fields. */
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

  /** A log whose every line has these fields too: `{ requestId }` for example. */
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

  /** The process ends after this line. */
  fatal(message: string, fields: LogFields = {}): void {
    this.logger.fatal(fields, message);
  }
}
