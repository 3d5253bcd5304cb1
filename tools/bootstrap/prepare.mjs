// @ts-check
/** Brings a checkout to the point where its compiled tools can run: packages, and one build of all apps and tools. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { child, npm, stopCode } from './child.mjs';
import { root } from './root.mjs';

/** Whether every package of the lock is in node_modules at its version; optional ones may be absent. */
function isInstalled() {
  const held = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(held)) return false;
  const have = JSON.parse(readFileSync(held, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([path, { version, optional }]) => path === '' || optional || have[path]?.version === version,
  );
}

/** Installs the packages of the lock if one is missing. @param {boolean} offline refuses instead */
export async function install(offline) {
  if (isInstalled()) return;
  if (offline)
    throw new Error('Packages are missing, and --offline downloads nothing. Run npm ci while the machine is online.');
  console.log('installing packages…');
  if ((await npm(['ci'], true)) !== 0) throw new Error('npm ci failed. Its output is above.');
}

/** Written after a build: the digest of its sources. */
const stamp = join(root, 'dist/.built');

/** Whether the last build was of the sources as they are now. */
export const isBuilt = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === digest();

/** Compiles all apps and tools at once, since they share the libraries, if a source changed after the last build. */
export async function build() {
  if (isBuilt()) return;
  const sources = digest();
  console.log('building…');
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const code = await child(process.execPath, [nest, 'build', 'all'], true);
  if (stopCode() !== undefined) throw new Error('Stopped.');
  if (code !== 0) throw new Error('The build failed. Its output is above.');
  writeFileSync(stamp, sources);
}

/** Path, size and time of everything that a build may read. */
function digest() {
  const single = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json'];
  // The benchmark and the cluster tests' command share code with the tests.
  const folders = ['apps', 'libs', 'tools', 'test/support', 'test/cluster/support'];
  const trees = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
        .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name))),
    );
  const hash = createHash('sha256');
  for (const file of [...single, ...trees].sort()) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}
