import { errorLine } from './error-line';
import { stopLeftovers, survivorsOf } from './stack/leftovers';
import { dataFolderFrom } from './stack/options';
import { readRunFile, removeRunFile } from './stack/run-file';

const help = `npm run down -- [OPTIONS]

Stops every process of the stack that \`npm run up\` started.

  --data DIR    data folder of the stack (default: .antiphon in the repository)
  --help        print this text`;

const timeoutMs = 60_000;

/** `npm run down`: resolves to 0 once no process of the stack is left; 1 when one could not be stopped. */
export async function main(args: readonly string[], root: string): Promise<number> {
  try {
    return await down(args, root);
  } catch (error) {
    console.error(`antiphon: ${errorLine(error)}`);
    return 1;
  }
}

async function down(args: readonly string[], root: string): Promise<number> {
  const dataFolder = dataFolderFrom(args, root);
  if (dataFolder === undefined) {
    console.log(help);
    return 0;
  }
  const run = readRunFile(dataFolder);
  if (!run) {
    console.log(`antiphon: nothing runs on ${dataFolder}`);
    return 0;
  }
  if (!(await stopLeftovers(run, timeoutMs))) {
    const left = survivorsOf(run).map(({ part, pid }) => `${part} (${pid})`);
    console.error(`antiphon: still running after ${timeoutMs / 1000} s: ${left.join(', ')}`);
    return 1;
  }
  removeRunFile(dataFolder);
  console.log('antiphon: stopped');
  return 0;
}
