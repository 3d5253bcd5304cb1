import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { GoModule } from './parts';

/** A folder of builds that no test has used for so long is removed when a newer one of its module is made. */
const forgottenAfterMs = 14 * 24 * 3_600_000;

/** Where the Go modules lie in a checkout. */
export const goFolder = (root: string): string => join(root, 'test/cluster/go');

/** Where builds are kept, outside any checkout: ANTIPHON_CLUSTER_CACHE, else the user's cache folder. */
export const cacheFolder = (): string =>
  process.env.ANTIPHON_CLUSTER_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'antiphon', 'cluster');

/**
 * The folder in the cache for what is made of one module as it stands in this checkout: named by the hash of every file
 * of the module, how it is built, and the platform.
 */
export async function buildFolder(root: string, module: GoModule, buildFlags: readonly string[]): Promise<string> {
  const source = join(goFolder(root), module.name);
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash('sha256').update(`${process.platform}-${process.arch} ${buildFlags.join(' ')}\n`);
  for (const file of files.sort()) {
    hash.update(`${relative(source, file)}\n`).update(await readFile(file));
  }
  return join(cacheFolder(), `${module.name}-${hash.digest('hex').slice(0, 16)}`);
}

/** Where the shared files of a build folder lie. */
export const sharePath = (folder: string, name: string): string => join(folder, 'share', name);

/** The names of what a build folder lacks of a module. */
export const missingOf = (folder: string, { binaries, shared }: GoModule): string[] => [
  ...binaries.filter(({ name }) => !existsSync(join(folder, name))).map(({ name }) => name),
  ...shared.filter(({ name }) => !existsSync(sharePath(folder, name))).map(({ name }) => name),
];

/** Removes folders of the same module that nothing has used for two weeks, and what interrupted builds left in this one. */
export async function tidy(folder: string, module: GoModule): Promise<void> {
  const cache = dirname(folder);
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (path === folder || !new RegExp(`^${module.name}-[0-9a-f]{16}$`).test(name)) continue;
    if (Date.now() - (await stat(path)).mtimeMs > forgottenAfterMs) await rm(path, { recursive: true, force: true });
  }
  for (const name of await readdir(folder)) {
    if (name.startsWith('.')) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Notes that a folder is in use. */
export const touch = (folder: string): Promise<void> => utimes(folder, new Date(), new Date());

/** Makes `link` point to `target`, in place of what it pointed to before. */
export async function pointTo(target: string, link: string): Promise<void> {
  const next = `${link}.${process.pid}`;
  await mkdir(dirname(link), { recursive: true });
  await rm(next, { force: true });
  await symlink(target, next);
  await rename(next, link);
}
