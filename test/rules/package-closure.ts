import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';

const imports = /(?:from|import|require(?:\.resolve)?\()\s*'([^']+)'/g;
/** Compiled files that are started as processes or threads of their own. */
const forked = /'([./\w-]+\.(?:process|worker))\.js'/g;

/** What runs with a source file. */
export interface Closure {
  /** Itself and all of ours that it imports at run time, as paths in the repository. */
  readonly sources: readonly string[];
  /** The npm packages that these load. */
  readonly packages: readonly string[];
}

/** What runs with these source files, and what they load; types do not count. */
export function closureOf(root: string, entries: readonly string[]): Closure {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const queue = entries.map((entry) => join(root, entry));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const source = readFileSync(file, 'utf8').replaceAll(/^import type [^;]+;/gm, '');
    for (const [, name = ''] of source.matchAll(imports)) {
      const ours = sourceOf(root, file, name);
      if (ours) queue.push(ours);
      else if (!isBuiltin(name)) packages.add(packageOf(name));
    }
    for (const [, name] of source.matchAll(forked)) queue.push(join(dirname(file), `${name}.ts`));
  }
  return { sources: [...seen].map((file) => relative(root, file)).sort(), packages: [...packages].sort() };
}

interface Locked {
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** The packages that the lock brings along with these, themselves included. */
export function packagesReached(root: string, names: readonly string[]): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const reached = new Set<string>();
  const queue = names.map((name) => `node_modules/${name}`);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const name of wantedBy(packages[path] ?? {})) {
      const found = placesOf(path, name).find((place) => place in packages);
      if (found !== undefined) queue.push(found);
    }
  }
  return [
    ...new Set([...reached].map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))),
  ];
}

function wantedBy({
  dependencies,
  optionalDependencies,
  peerDependencies = {},
  peerDependenciesMeta,
}: Locked): string[] {
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta?.[name]?.optional !== true);
  return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers];
}

/** Where npm looks for a package from another one: beside it, then outwards. */
function placesOf(path: string, name: string): string[] {
  const parts = path.split('/node_modules/');
  const inner = parts.map((_, index) => parts.slice(0, parts.length - index).join('/node_modules/'));
  return [...inner.map((place) => `${place}/node_modules/${name}`), `node_modules/${name}`];
}

function sourceOf(root: string, file: string, name: string): string | undefined {
  if (name.startsWith('@app/'))
    return join(root, 'libs', name.slice('@app/'.length).replace(/^[^/]+/, '$&/src'), 'index.ts');
  if (!name.startsWith('.') || name.endsWith('.json')) return undefined;
  const path = join(dirname(file), name);
  return [`${path}.ts`, join(path, 'index.ts')].find((candidate) => existsSync(candidate));
}

const isBuiltin = (name: string): boolean =>
  name.startsWith('node:') || name.startsWith('.') || builtinModules.includes(name);

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
