import { parseArgs } from 'node:util';
import { ProblemError } from '@app/protocol';

/** What `npm run bench` was asked to do. */
export interface BenchOptions {
  /** A deployment to measure; without it one is started on this machine. */
  readonly target: { readonly api: string; readonly apiKey: string } | undefined;
  readonly peers: boolean;
  readonly contexts: readonly number[];
  readonly rounds: number;
  readonly only: 'tts' | 'stt' | undefined;
  readonly sweep: boolean;
  readonly jsonFile: string;
  readonly help: boolean;
}

/** `npm run bench -- --help`. */
export const benchHelp = `npm run bench -- [OPTIONS]

Measures speech as a client has it, prints tables and writes JSON. Without --url it starts everything on this machine first.

  --url URL        a deployment to measure instead; needs --key
  --key KEY        its API key
  --peers          also install piper-tts and faster-whisper into a throw-away Python environment, and measure them on the
                   same sentences in the same run, alternating
  --contexts LIST  contexts at once                                     (1,2,4,8,16)
  --rounds N       rounds for each number of contexts                   (10)
  --only KIND      tts or stt alone
  --sweep          also sweep the encoder context of speech-to-text from 4 to 30 s
  --json FILE      where the figures go                                 (bench.json)
  --help           this text`;

/** Reads the arguments; a `bad_request` problem names what is wrong. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  if ((values.url === undefined) !== (values.key === undefined)) {
    throw new ProblemError('bad_request', { detail: '--url and --key go together.' });
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
    throw new ProblemError('bad_request', { detail: `${name} takes whole numbers from 1.` });
  }
  return value;
}
