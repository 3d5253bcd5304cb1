import { parseArgs } from 'node:util';
import { ProblemError } from '@app/protocol';
import { levels, type Level } from './parts';

/** What `npm run test:cluster -- --help` prints. */
export const help = `npm run test:cluster -- LEVEL… [OPTIONS] [-- JEST ARGUMENTS]

  1  the charts: helm, the validation of Knative and KEDA, KEDA's scaler on the running system
  2  Knative's queue-proxy in front of the gateway and of inference (Linux; root or user namespaces)
  3  a real control plane with KEDA and Knative that scales real workers (Linux; root or user namespaces)

Go builds the programs of a level once, into ANTIPHON_CLUSTER_CACHE (default: ~/.cache/antiphon/cluster).
docs/cluster-tests.md lists how long that takes. In CI (CI=true) a skipped test is a failure.
A level of which every test passed is recorded in test/cluster/passed.json. Commit that file with the change.

  --if-changed  skip a level that passed with the same inputs, and say so
  --build-only  build and download, run no tests
  --help        print this text`;

/** The command line, checked. */
export interface ClusterOptions {
  readonly levels: readonly Level[];
  readonly ifChanged: boolean;
  readonly buildOnly: boolean;
  readonly help: boolean;
  /** For jest as they are: everything behind `--`. */
  readonly jest: readonly string[];
}

/** Reads the arguments; throws `bad_request` for a level that does not exist, and what parseArgs throws. */
export function parseClusterArgs(args: readonly string[]): ClusterOptions {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values, positionals } = parseArgs({
    args: args.slice(0, end),
    allowPositionals: true,
    options: {
      'if-changed': { type: 'boolean', default: false },
      'build-only': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    levels: levelsOf(positionals, values.help),
    ifChanged: values['if-changed'],
    buildOnly: values['build-only'],
    help: values.help,
    jest: args.slice(end + 1),
  };
}

function levelsOf(positionals: readonly string[], isHelp: boolean): Level[] {
  const wrong = positionals.find((given) => !levels.some((level) => String(level) === given));
  if (wrong !== undefined)
    throw new ProblemError('bad_request', { detail: `There is no level "${wrong}": 1, 2 or 3.` });
  if (positionals.length === 0 && !isHelp) {
    throw new ProblemError('bad_request', { detail: 'Name the level to run: 1, 2 or 3. --help describes the levels.' });
  }
  return levels.filter((level) => positionals.includes(String(level)));
}
