import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { partsOf, type Level } from './parts';

/** What each level runs: the apps, the charts, and how tests are built, started and recorded. */
const ofEveryLevel = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'jest.config.mjs',
  'apps',
  'libs',
  'knative',
  'keda',
  'test/cluster/support',
  'test/support/models.ts',
  'test/support/nats-server.ts',
  'test/support/node-environment.cjs',
  'test/support/until.ts',
  'test/support/word-error-rate.ts',
  'tools/bootstrap.mjs',
  'tools/client',
  'tools/cluster.ts',
  'tools/cluster',
  'tools/error-line.ts',
  'tools/license',
  'tools/models.ts',
  'tools/models',
  'tools/own-file.ts',
  'tools/progress.ts',
  'tools/table.ts',
  'tools/bootstrap',
];

const ofLevel: Readonly<Record<Level, readonly string[]>> = {
  1: [
    '.containerignore',
    '.dockerignore',
    'LICENSE',
    'docs/licenses.md',
    'docs/operations',
    'images',
    'test/cluster/level-1',
    'test/support/containerfile.ts',
    'test/support/documented-commands.ts',
    'test/support/foreign-metrics.ts',
    'test/support/promql.ts',
  ],
  2: ['test/cluster/level-2', 'test/support/front.ts'],
  3: ['test/cluster/level-3', 'test/support/certificates.ts', 'test/support/two-cities.ts'],
};

/** Unit tests run nowhere in a cluster. */
const unitTests = [
  ':(exclude)apps/*/test',
  ...['apps', 'libs', 'tools'].map((folder) => `:(exclude)${folder}/*.spec.ts`),
];

/** The files and folders that a level depends on, as paths in the repository. */
export const inputPaths = (level: Level): string[] => [
  ...ofEveryLevel,
  ...ofLevel[level],
  ...partsOf([level]).map(({ name }) => `test/cluster/go/${name}`),
];

/**
 * The files of `inputPaths` that are tracked by git or would be with `git add`, sorted; undefined where there is no git
 * or no repository.
 */
export async function inputFiles(root: string, level: Level): Promise<string[] | undefined> {
  const args = [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--',
    ...inputPaths(level),
    ...unitTests,
  ];
  const listed = await promisify(execFile)('git', args, { cwd: root, maxBuffer: 64 * 1024 ** 2 }).catch(
    () => undefined,
  );
  return listed && [...new Set(listed.stdout.split('\0').filter(Boolean))].sort();
}

/** SHA-256 over paths and contents of the input files of a level, in hex; undefined where git cannot list them. */
export async function hashInputs(root: string, level: Level): Promise<string | undefined> {
  const files = await inputFiles(root, level);
  if (!files) return undefined;
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await contentOf(join(root, file));
    if (content === undefined) continue;
    hash.update(`${file}\n${createHash('sha256').update(content).digest('hex')}\n`);
  }
  return hash.digest('hex');
}

/** Of a link where it points; undefined for what is gone, and for a repository inside this one. */
async function contentOf(path: string): Promise<Buffer | string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSymbolicLink()) return readlink(path);
  return found?.isFile() ? readFile(path) : undefined;
}
