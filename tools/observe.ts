import { ProblemError } from '@app/protocol';
import { main as models } from './models';
import { findPrometheus, prometheusFolder } from './observe/prometheus-program';

const help = `npm run test:observability -- [PATH…] [JEST OPTIONS]

Checks the rules of knative/observability and runs their tests with promtool. Then starts the stack with a real Prometheus,
sends speech through it, and queries every metric that rules and dashboards name. Takes about two minutes.
Uses Prometheus from the PATH. If there is none, downloads the package of Debian or Ubuntu into .antiphon/prometheus.

  --offline     download nothing
  --help        print this text`;

/** What the bootstrap lends to this command. */
interface Bootstrap {
  readonly runGroups: (
    groups: readonly (readonly string[])[],
    args: readonly string[],
  ) => Promise<{ readonly code: number }>;
}

/** `npm run test:observability`. Resolves to the exit code; without a Prometheus all is skipped by name. */
export async function main(args: readonly string[], root: string, bootstrap: Bootstrap): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return 0;
  }
  const offline = args.includes('--offline');
  try {
    const { prometheus, version } = await findPrometheus({ folder: prometheusFolder(root), offline });
    console.log(`antiphon: Prometheus ${version} (${prometheus})`);
  } catch (error) {
    console.error(ProblemError.from(error).detail);
  }
  if ((await models(offline ? ['get', '--offline'] : ['get'], root)) !== 0) {
    console.error('Some models are missing. Tests that use speech fail.');
  }
  const { code } = await bootstrap.runGroups(
    [['observability', '--runInBand']],
    args.filter((arg) => arg !== '--offline'),
  );
  return code;
}
