import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = (): string => process.env.ANTIPHON_CLUSTER_BIN ?? '';

/** The path of a program of the cluster's cache; throws with the command that makes it. */
export function binary(name: string): string {
  const path = join(folder(), name);
  if (!existsSync(path))
    throw new Error(`${name} is not built. Build it with: npm run test:cluster -- LEVEL --build-only`);
  return path;
}

/** A folder that a Go module ships, copied into the cluster's cache. */
export const shared = (...path: string[]): string => binary(join('share', ...path));

/** The YAML files of a shared folder, in the order of their names. */
export const sharedYaml = (...path: string[]): string[] =>
  readdirSync(shared(...path))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(shared(...path), name));
