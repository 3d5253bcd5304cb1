import { namespaceCommand, whyNoNamespace } from '../test/cluster/support/namespace';
import { outside } from '../test/support/outside';
import type { Bootstrap } from './cluster';
import { main as models } from './models';

const help = `npm run test:egress -- [PATH…] [JEST OPTIONS]

Runs whole deployments in a network namespace whose way out counts packets. In air-gapped mode the count stays at zero.
Takes about two minutes. Needs unshare (util-linux) and ip (iproute2), and no root on most machines. Without them the tests
are skipped and say why.

  --offline     download nothing
  --help        print this text`;

/** `npm run test:egress`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string, bootstrap: Bootstrap): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return 0;
  }
  const offline = args.includes('--offline');
  // Nothing can be downloaded inside.
  if ((await models(offline ? ['get', '--offline'] : ['get'], root)) !== 0) {
    console.error('Some models are missing. Tests that use speech fail.');
  }
  const enter =
    whyNoNamespace(outside) === undefined
      ? (command: string, rest: readonly string[]) => namespaceCommand(command, rest, outside)
      : undefined;
  const { code } = await bootstrap.runGroups(
    [['egress', '--runInBand']],
    args.filter((arg) => arg !== '--offline'),
    enter,
  );
  return code;
}
