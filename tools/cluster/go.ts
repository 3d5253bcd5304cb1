import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { ProblemError } from '@app/protocol';
import { buildFolder, cacheFolder, goFolder, missingOf, sharePath, tidy } from './cache';
import { goModules, type Binary, type GoModule, type SharedFiles } from './parts';

/** Asks Go something, in this process's environment as it is now. */
const ask = (args: string[]) => promisify(execFile)('go', args, { env: process.env });

/** Paths of the machine, and the state of the checkout, do not go into a binary: the same sources give the same build. */
const buildFlags = ['-trimpath', '-buildvcs=false'];
const linkerFlags = '-s -w';

/** What the bootstrap lends: a child process that signals reach, and a lock between processes. */
export interface Workshop {
  readonly run: (command: string, args: string[], quiet?: boolean) => Promise<number>;
  readonly alone: (lock: string, work: () => Promise<void>) => Promise<void>;
}

/** The folder with the builds of a module as it stands in the checkout, whether it is there or not. */
const builtModule = (root: string, module: GoModule): Promise<string> =>
  buildFolder(root, module, [
    ...buildFlags,
    linkerFlags,
    // Of all its binaries, so that every level finds the same folder.
    ...(goModules.find(({ name }) => name === module.name)?.binaries ?? []).map((binary) => binary.linkerFlags ?? ''),
  ]);

/**
 * Builds what is missing of a module, each part put in place whole, one process at a time; says what it builds and how
 * long it took. Answers with the folder. Throws `tool_missing` without Go and `internal` when a build fails.
 */
export async function buildModule(root: string, module: GoModule, workshop: Workshop): Promise<string> {
  const folder = await builtModule(root, module);
  if (missingOf(folder, module).length === 0) return folder;
  await requireGo(root, module);
  await mkdir(folder, { recursive: true });
  await workshop.alone(join(cacheFolder(), `${module.name}.lock`), async () => {
    await tidy(folder, module);
    const missing = missingOf(folder, module);
    const source = join(goFolder(root), module.name);
    for (const binary of module.binaries) {
      if (missing.includes(binary.name)) await build(source, binary, folder, workshop);
    }
    for (const files of module.shared) {
      if (missing.includes(files.name)) await share(source, files, folder);
    }
  });
  return folder;
}

async function build(source: string, binary: Binary, folder: string, { run }: Workshop): Promise<void> {
  const startedMs = performance.now();
  const making = join(folder, `.${binary.name}`);
  const flags = [...buildFlags, '-ldflags', [linkerFlags, binary.linkerFlags ?? ''].join(' ').trim()];
  const go = ['go', 'build', '-C', source, ...flags, '-o', making, binary.package];
  process.stdout.write(`building ${binary.name}…`);
  // Builds take minutes of every core; whatever else runs here goes first.
  const code = process.platform === 'win32' ? await run('go', go.slice(1), true) : await run('nice', go, true);
  console.log(` ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  if (code !== 0) throw new ProblemError('internal', { detail: `${binary.name} was not built; the reason is above.` });
  await rename(making, join(folder, binary.name));
}

async function share(source: string, { name, module, folder: within }: SharedFiles, folder: string): Promise<void> {
  // Of a module that no binary was built of, the files are not here yet.
  const { stdout } = await ask(['mod', 'download', '-C', source, '-json', module]);
  const making = join(folder, `.${name}`);
  await copyFiles(join((JSON.parse(stdout) as { Dir: string }).Dir, within), making);
  await mkdir(join(folder, 'share'), { recursive: true });
  await rename(making, sharePath(folder, name));
}

/** Folders of Go's module cache are read-only, and copies with their modes could neither be moved nor removed. */
async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const target = join(to, relative(from, entry.parentPath));
    await mkdir(target, { recursive: true });
    await copyFile(join(entry.parentPath, entry.name), join(target, entry.name));
  }
}

async function requireGo(root: string, module: GoModule): Promise<void> {
  const wanted = /^go (\d+)\.(\d+)/m.exec(await readFile(join(goFolder(root), module.name, 'go.mod'), 'utf8'));
  const { stdout } = await ask(['env', 'GOVERSION']).catch(() => ({ stdout: '' }));
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout) ?? [];
  const needed = `${wanted?.[1]}.${wanted?.[2]}`;
  const isEnough = Number(major) > Number(wanted?.[1]) || Number(minor) >= Number(wanted?.[2]);
  if (major !== undefined && isEnough) return;
  const found = major === undefined ? 'was not found' : `is here as ${major}.${minor}`;
  throw new ProblemError('tool_missing', {
    detail:
      `Go ${needed} or newer is needed to build ${module.binaries.map(({ name }) => name).join(', ')}, and ${found}. ` +
      'Install it from go.dev/dl and run the command again.',
  });
}
