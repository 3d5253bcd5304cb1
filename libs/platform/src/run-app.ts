import { ProblemError, productName, productVersion } from '@app/protocol';
import type { AppConfig } from './app-config';
import { describeConfig, type ConfigClass } from './config';
import { Log } from './log';
import { measureStart } from './metrics/readiness-metrics';
import type { Platform } from './platform.module';
import { Readiness } from './readiness';
import { Shutdown } from './shutdown';
import { Tracing } from './tracing';

/**
 * The configuration class of an app. `fromEnvironment` reads `process.env` and is defined in the `*.config.ts` file.
 */
export interface AppConfigClass<C extends object> extends ConfigClass<C> {
  fromEnvironment(): Readonly<C>;
}

/** The objects with which an app is started. */
export interface AppContext<C> extends Platform {
  readonly config: Readonly<C>;
  /** Steps added here run at SIGTERM, in order. */
  readonly shutdown: Shutdown;
}

/** An app: its name in logs, its configuration, and how it starts. `start` resolves once it serves. */
export interface AppDefinition<C extends object> {
  readonly name: string;
  readonly summary: string;
  readonly config: AppConfigClass<C>;
  readonly start: (context: AppContext<C>) => Promise<void>;
}

/** Longest wait for the trace collector at the end, in milliseconds. */
const traceTimeoutMs = 3_000;

/**
 * Runs an app in this process. `--help` prints its variables. Otherwise it is configured, started, and stopped by
 * signals. A failure to start, or an uncaught error, is logged as one JSON line and ends the process with exit code 1.
 */
export async function runApp<C extends AppConfig>(app: AppDefinition<C>): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(helpOf(app));
    return;
  }
  let log = Log.create(app.name);
  const fail = (message: string) => (error: unknown) => {
    log.fatal(message, fieldsOf(error));
    process.exit(1);
  };
  process.on('uncaughtException', fail('uncaught error'));
  process.on('unhandledRejection', fail('unhandled rejection'));
  try {
    const config = app.config.fromEnvironment();
    log = Log.create(app.name, config.logLevel);
    const shutdown = new Shutdown(log);
    shutdown.listen();
    const tracing = Tracing.to(app.name, config);
    await app.start({ config, log, tracing, readiness: new Readiness(), shutdown });
    shutdown.add('send traces', traceTimeoutMs, () => tracing.close());
    measureStart(process.uptime() * 1000);
    log.info('started', { version: productVersion });
  } catch (error) {
    fail('could not start')(error);
  }
}

/** The text of `--help`. */
function helpOf<C extends object>({ name, summary, config }: AppDefinition<C>): string {
  return `${productName} ${productVersion} ${name}: ${summary}\n\nVariables, with their defaults:\n${describeConfig(config)}\n`;
}

/** The log fields of an error. The detail of a problem is complete, so only its cause needs a stack. */
function fieldsOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof ProblemError)) return { err: error };
  const { code, detail, cause } = error;
  return code === 'internal' ? { code, detail, err: cause ?? error } : { code, detail };
}
