import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { binary } from '../../support/binaries';
import { root } from './charts';

const execute = promisify(execFile);

/** The kubectl commands in the comments of `knative/cluster/*.yaml`, by file. */
export function clusterCommands(): { readonly file: string; readonly command: string }[] {
  const folder = 'knative/cluster';
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => {
      const text = readFileSync(join(root, folder, name), 'utf8');
      const commands = [...text.matchAll(/^#\s+(kubectl .*)$/gm)].map(([, command = '']) => command);
      if (commands.length === 0) throw new Error(`${name} names no command`);
      return commands.map((command) => ({ file: join(folder, name), command }));
    });
}

/** Runs a command as it is documented, in the repository, against this cluster. */
export async function runDocumented(command: string, kubeconfig: string): Promise<string> {
  const path = [dirname(binary('kubectl')), process.env.PATH].join(delimiter);
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: path };
  return (await execute('sh', ['-c', command], { cwd: root, env })).stdout;
}
