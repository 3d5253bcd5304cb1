import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ProblemError, productName } from '@app/protocol';
import { isRefusedByFetch } from './ports';

/** What `npm run up` was asked to do. */
export interface UpOptions {
  readonly check: boolean;
  readonly port: number;
  readonly dataFolder: string;
  /** Inference workers of each kind. */
  readonly workers: number;
  readonly offline: boolean;
  /** With a Prometheus that scrapes all parts. */
  readonly observe: boolean;
  readonly help: boolean;
}

/** `npm run up -- --help`. */
export const upHelp = `npm run up -- [OPTIONS]

Starts ${productName} on this machine: nats-server, license, gateway and inference workers, each a process of its own.
Gets the models and nats-server first if they are missing, then speaks a sentence and transcribes it back.

  --port N      port of the API; the other ports are moved to free ones and printed   (5000)
  --data DIR    logs, keys, licence, run.json and the JetStream store                 (.antiphon in the repository)
  --workers N   inference workers for each of text-to-speech and speech-to-text       (1)
  --observe     with Prometheus, scraping every part and evaluating our rules          (docs/observability.md)
  --offline     fetch nothing; say what is missing
  --check       do all of that, then stop; exit code 0 if it worked and 1 if not
  --help        this text

Models are kept in .antiphon/models in the repository, or in the folder that ANTIPHON_MODELS names.
DISPATCH=tts=request,stt=request sends jobs by request to one inference service, as Knative has it, instead of by lanes to workers.
Stop with Ctrl-C, or with: npm run down`;

/** Reads the arguments; a `bad_request` problem names what is wrong. */
export function parseUpOptions(args: readonly string[], root: string): UpOptions {
  const values = parse(args);
  return {
    check: values.check ?? false,
    offline: values.offline ?? false,
    observe: values.observe ?? false,
    help: values.help ?? false,
    port: portNumber('--port', values.port ?? '5000'),
    workers: wholeNumber('--workers', values.workers ?? '1', 64),
    dataFolder: dataFolderOf(values.data, root),
  };
}

/** The data folder of `--data`, or the default one. */
export const dataFolderOf = (data: string | undefined, root: string): string =>
  data === undefined ? join(root, '.antiphon') : resolve(data);

/** The data folder that a command without other options was given; undefined when it was asked for help. */
export function dataFolderFrom(args: readonly string[], root: string): string | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  return values.help ? undefined : dataFolderOf(values.data, root);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        check: { type: 'boolean' },
        offline: { type: 'boolean' },
        observe: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        port: { type: 'string' },
        data: { type: 'string' },
        workers: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new ProblemError('bad_request', { detail: `${(error as Error).message} (--help lists the options)` });
  }
}

function portNumber(name: string, text: string): number {
  const port = wholeNumber(name, text, 65_535);
  if (isRefusedByFetch(port)) {
    throw new ProblemError('bad_request', {
      detail: `Port ${port} cannot be used with ${name}: browsers and fetch refuse it. Choose another port, 5000 for example.`,
    });
  }
  return port;
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new ProblemError('bad_request', { detail: `${name} takes a whole number from 1 to ${most}.` });
  }
  return value;
}
