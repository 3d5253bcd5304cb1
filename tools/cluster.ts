import { basename, join } from 'node:path';
import { ProblemError } from '@app/protocol';
import { pointTo, sharePath, touch } from './cluster/cache';
import { buildModule, type Workshop } from './cluster/go';
import { hashInputs } from './cluster/inputs';
import { fetchKubectl } from './cluster/kubectl';
import { help, parseClusterArgs, type ClusterOptions } from './cluster/options';
import { partsOf, type Level } from './cluster/parts';
import { passesFile, readPasses, recordPass } from './cluster/passes';
import { namespaceCommand, whyNoNamespace } from '../test/cluster/support/namespace';
import { main as models } from './models';

/** A command line that runs another one in other surroundings. */
type Enter = (command: string, args: readonly string[]) => { command: string; args: string[] };

/** How a run of tests ended. */
export interface TestRun {
  /** For the process; not 0 where a test failed, nor in CI where one was skipped. */
  readonly code: number;
  readonly passed: number;
  readonly skipped: number;
}

/** What the bootstrap passes to this command: besides child processes and locks, its way to run groups of tests. */
export interface Bootstrap extends Workshop {
  /** Whether `dist` was built of the sources as they are now. */
  readonly isBuilt: () => boolean;
  readonly runGroups: (
    groups: readonly (readonly string[])[],
    args: readonly string[],
    enter?: Enter,
  ) => Promise<TestRun>;
}

/** Level 3 talks to its API server with it. */
const kubectlLevel: Level = 3;

/** What is said to the tests' recognisers. */
const recording = 'speech-two-cities';

const clusterNamespace: Enter = (command, args) => namespaceCommand(command, args);

/** Their programs listen on fixed ports; where no namespace can be made, their tests are skipped and say why. */
const namespaceLevels: readonly Level[] = [2, 3];

/** `npm run test:cluster`: see `help`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string, bootstrap: Bootstrap): Promise<number> {
  try {
    const options = parseClusterArgs(args);
    if (options.help) {
      console.log(help);
      return 0;
    }
    return await run(options, root, bootstrap);
  } catch (error) {
    console.error(
      error instanceof ProblemError ? error.detail : error instanceof Error ? error.message : String(error),
    );
    return 1;
  }
}

async function run(options: ClusterOptions, root: string, bootstrap: Bootstrap): Promise<number> {
  const levels = options.ifChanged ? await changedLevels(options.levels, root) : options.levels;
  if (levels.length === 0) return 0;
  // Before anything else is built of them: what is recorded is what was built and run.
  const inputs = new Map<Level, string | undefined>();
  for (const level of levels) inputs.set(level, await hashInputs(root, level));
  process.env.ANTIPHON_CLUSTER_BIN = await prepare(levels, root, bootstrap);
  if (options.buildOnly) return 0;
  const got = [await models(['get'], root), await models(['get', recording], root)];
  if (got.some((code) => code !== 0)) console.error('Some models are missing: tests that speak fail.');
  let code = 0;
  for (const level of levels)
    code = Math.max(code, await runLevel({ level, inputs: inputs.get(level) }, options.jest, root, bootstrap));
  return code;
}

/** Runs a level, and records it when all of it passed, its inputs stayed as they were, and the build is of them. */
async function runLevel(
  { level, inputs }: { readonly level: Level; readonly inputs: string | undefined },
  jest: readonly string[],
  root: string,
  bootstrap: Bootstrap,
): Promise<number> {
  const enter = namespaceLevels.includes(level) && whyNoNamespace() === undefined ? clusterNamespace : undefined;
  const { code, passed, skipped } = await bootstrap.runGroups([groupOf(level, jest)], jest, enter);
  if (code !== 0 || skipped > 0 || passed === 0 || jest.length > 0) return code;
  if (inputs === undefined || inputs !== (await hashInputs(root, level)) || !bootstrap.isBuilt()) {
    console.log(
      `level ${level} is not recorded: ${inputs ? 'files changed while it ran' : 'git cannot list its files'}.`,
    );
    return code;
  }
  await recordPass(root, level, { inputs, tests: passed });
  console.log(`recorded: cluster tests, level ${level}, inputs ${shortOf(inputs)}: commit ${passesFile}`);
  return code;
}

/** Those of the levels whose inputs differ from those with which they passed; names the others. */
async function changedLevels(wanted: readonly Level[], root: string): Promise<Level[]> {
  const passes = await readPasses(root);
  const changed: Level[] = [];
  for (const level of wanted) {
    const inputs = await hashInputs(root, level);
    const pass = passes[level];
    if (inputs === undefined || pass?.inputs !== inputs) changed.push(level);
    else console.log(`unchanged since it passed: cluster tests, level ${level}, inputs ${shortOf(inputs)}`);
  }
  return changed;
}

const shortOf = (hash: string): string => hash.slice(0, 12);

/** Builds and fetches what is missing; answers with a folder of this checkout that has a link to each program and shared folder. */
async function prepare(levels: readonly Level[], root: string, workshop: Workshop): Promise<string> {
  const bin = join(root, '.antiphon/cluster/bin');
  for (const module of partsOf(levels)) {
    const folder = await buildModule(root, module, workshop);
    await touch(folder);
    for (const { name } of module.binaries) await pointTo(join(folder, name), join(bin, name));
    for (const { name } of module.shared) await pointTo(sharePath(folder, name), sharePath(bin, name));
  }
  if (levels.includes(kubectlLevel)) {
    const kubectl = await fetchKubectl();
    await pointTo(kubectl, join(bin, basename(kubectl)));
  }
  return bin;
}

/** Arguments of jest for a level: all its tests, or those that the caller's own arguments name. */
function groupOf(level: Level, jest: readonly string[]): string[] {
  const folder = `test/cluster/level-${level}`;
  const isNamed = jest.some((argument) => argument.includes(folder));
  return ['cluster', '--runInBand', ...(isNamed ? [] : [`${folder}/`])];
}
