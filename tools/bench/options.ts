import { parseArgs } from 'node:util';
import { ProblemError } from '@app/protocol';

/** Options of `npm run bench`. */
export interface BenchOptions {
  /** The deployment to measure. If undefined, the bench starts one on this machine. */
  readonly target: { readonly api: string; readonly apiKey: string } | undefined;
  readonly peers: boolean;
  readonly contexts: readonly number[];
  readonly rounds: number;
  readonly only: 'tts' | 'stt' | undefined;
  readonly sweep: boolean;
  /** Measures the license app, and nothing else. */
  readonly license: boolean;
  readonly jsonFile: string;
  readonly help: boolean;
}

/** `npm run bench -- --help`. */
export const benchHelp = `npm run bench -- [OPTIONS]

Measures latency and throughput of speech as a client sees them. Prints tables and writes JSON.
By default it starts the stack on this machine and measures it.

  --url URL        address of another deployment to measure; needs --key
  --key KEY        API key of that deployment
  --peers          also measure piper-tts and faster-whisper, on the same sentences and in turns; installs them into a
                   temporary Python environment
  --contexts LIST  numbers of concurrent contexts (default: 1,2,4,8,16)
  --rounds N       rounds for each number of contexts (default: 10)
  --only KIND      measure only tts or only stt (default: both)
  --sweep          also measure speech to text with encoder contexts from 4 to 30 s
  --license        measure only the license app: time to authorise at 2,000 requests per second
  --json FILE      file for the results (default: bench.json)
  --help           print this text`;

/** Parses the arguments. Throws a `bad_request` problem that names the error. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  if ((values.url === undefined) !== (values.key === undefined)) {
    throw new ProblemError('bad_request', { detail: '--url and --key must be given together.' });
  }
  if (values.license && (values.url !== undefined || values.only !== undefined || values.peers || values.sweep)) {
    throw new ProblemError('bad_request', { detail: '--license can only be combined with --json.' });
  }
  if (values.only !== undefined && values.only !== 'tts' && values.only !== 'stt') {
    throw new ProblemError('bad_request', { detail: '--only takes tts or stt.' });
  }
  return {
    target: values.url && values.key ? { api: values.url.replace(/\/+$/, ''), apiKey: values.key } : undefined,
    peers: values.peers ?? false,
    contexts: (values.contexts ?? '1,2,4,8,16').split(',').map((text) => positive('--contexts', text)),
    rounds: positive('--rounds', values.rounds ?? '10'),
    only: values.only,
    sweep: values.sweep ?? false,
    license: values.license ?? false,
    jsonFile: values.json ?? 'bench.json',
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        key: { type: 'string' },
        peers: { type: 'boolean' },
        contexts: { type: 'string' },
        rounds: { type: 'string' },
        only: { type: 'string' },
        sweep: { type: 'boolean' },
        license: { type: 'boolean' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new ProblemError('bad_request', { detail: `${(error as Error).message} (--help lists the options)` });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new ProblemError('bad_request', { detail: `${name} takes whole numbers of at least 1.` });
  }
  return value;
}
