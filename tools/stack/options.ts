import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { LicenseMode } from '@app/licensing';
import { ProblemError, productName } from '@app/protocol';
import { isRefusedByFetch } from './ports';

/** Options of `npm run up`. */
export interface UpOptions {
  readonly check: boolean;
  readonly port: number;
  readonly dataFolder: string;
  /** Inference workers of each kind. */
  readonly workers: number;
  readonly offline: boolean;
  /** Connected: with a licence endpoint of its own. */
  readonly licenseMode: LicenseMode;
  /** With a Prometheus that scrapes all parts. */
  readonly observe: boolean;
  readonly help: boolean;
}

/** `npm run up -- --help`. */
export const upHelp = `npm run up -- [OPTIONS]

Starts ${productName} on this machine: nats-server, license, gateway and inference workers, each in its own process.
Downloads the models and nats-server first if they are missing. Then speaks a sentence and transcribes it.

  --port N      port of the API; the other ports are free ones, which the command prints (default: 5000)
  --data DIR    folder of logs, keys, licence, run.json and JetStream data (default: .antiphon in the repository)
  --workers N   number of workers for text to speech, and for speech to text (default: 1)
  --license MODE   connected: also start a licence endpoint, with which the license app checks in; see
                docs/licensing-endpoint.md (default: airgapped, which calls nobody)
  --observe     also start Prometheus, which scrapes every part; see docs/observability.md
  --offline     download nothing; fail and list what is missing
  --check       stop after the first sentence; exit code 0 if it was understood, else 1
  --help        print this text

Models are in .antiphon/models in the repository, or in the folder that ANTIPHON_MODELS names.
By default jobs go to the workers through NATS. DISPATCH=tts=request,stt=request sends them as HTTP requests to one
inference service, as on Knative.
To stop: press Ctrl-C, or run npm run down.`;

/** Reads the arguments; a `bad_request` problem names what is wrong. */
export function parseUpOptions(args: readonly string[], root: string): UpOptions {
  const values = parse(args);
  return {
    check: values.check ?? false,
    offline: values.offline ?? false,
    observe: values.observe ?? false,
    licenseMode: licenseModeOf(values.license ?? 'airgapped'),
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
        license: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new ProblemError('bad_request', { detail: `${(error as Error).message} (--help lists the options)` });
  }
}

function licenseModeOf(text: string): LicenseMode {
  if (text === 'connected' || text === 'airgapped') return text;
  throw new ProblemError('bad_request', { detail: '--license takes connected or airgapped.' });
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
