import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadManifest } from '@app/artifacts';
import { bundledParts } from './bundled-parts';

const root = join(__dirname, '../..');
const permissive = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'Unlicense'];

/** Packages under other licences, which docs/licenses.md explains. */
const read: Readonly<Record<string, string>> = {
  '@audio/decode-aac': 'GPL-2.0',
  'codec-parser': 'LGPL-3.0-or-later',
  mediabunny: 'MPL-2.0',
};

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
  /** Another entry has the rest. */
  readonly link?: boolean;
}

interface Installed {
  readonly name: string;
  readonly license: string;
  readonly folder: string;
}

/** First cell (a name in backticks) to the whole row, for every table row of the page. */
const rows = new Map(
  readFileSync(join(root, 'docs/licenses.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const name = /^\| `([^`]+)`/.exec(line)?.[1];
      return name === undefined ? [] : [[name, line.split('|').map((cell) => cell.trim())] as const];
    }),
);

const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

const production: Installed[] = Object.entries(locked)
  .filter(
    ([path, { dev, devOptional, link }]) =>
      path !== '' && !dev && !devOptional && !link && existsSync(join(root, path)),
  )
  .map(([path, { license }]) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    license: license ?? 'none stated',
    folder: join(root, path),
  }));

const withParts = production.filter(({ folder }) => bundledParts(folder).length > 0);
const { artifacts } = loadManifest();

describe('docs/licenses.md', () => {
  it.each(artifacts.map((artifact) => [artifact.id, artifact] as const))('lists artifact %s', (id, artifact) => {
    const [, , license, version, sources] = rows.get(id) ?? [];
    expect({ license, version }).toEqual({ license: artifact.license.spdx, version: artifact.version });
    for (const source of artifact.builds.flatMap((build) => build.sources))
      expect(sources).toContain(`\`${source.name}\``);
  });

  it.each(withParts.map((found) => [found.name, found] as const))(
    'lists package %s, which carries native code, WebAssembly or a model',
    (name, { license }) => {
      expect(rows.get(name)?.[2]).toBe(license);
    },
  );

  it('lists nothing that is gone', () => {
    const present = new Set([...artifacts.map(({ id }) => id), ...withParts.map(({ name }) => name)]);
    expect([...rows.keys()].filter((name) => !present.has(name))).toEqual([]);
  });
});

it('lets no production dependency in under a licence that was not read', () => {
  const allowed = (license: string): boolean =>
    license
      .replace(/[()]/g, '')
      .split(' OR ')
      .some((one) => permissive.includes(one));
  expect(
    production
      .filter(({ name, license }) => !allowed(license) && read[name] !== license)
      .map(({ name, license }) => `${name}: ${license}`),
  ).toEqual([]);
});

describe('bundledParts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundled-parts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('finds libraries, models and programs embedded in scripts, and leaves plain scripts and nested packages alone', () => {
    const base64 = 'A'.repeat(400);
    mkdirSync(join(folder, 'lib/node_modules/other'), { recursive: true });
    writeFileSync(join(folder, 'lib/binding.node'), '');
    writeFileSync(join(folder, 'lib/libx.so.1.2'), '');
    writeFileSync(join(folder, 'model.onnx'), '');
    writeFileSync(join(folder, 'wasm.cjs'), `const code = "AGFzbQ${base64}";`);
    writeFileSync(join(folder, 'gzip.js'), `const code = "H4sI${base64}";`);
    writeFileSync(join(folder, 'bytes.mjs'), 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])');
    writeFileSync(join(folder, 'plain.js'), `const magic = "AGFzbQEAAAA";`);
    writeFileSync(join(folder, 'lib/node_modules/other/other.wasm'), '');
    expect(bundledParts(folder).sort()).toEqual(
      ['bytes.mjs', 'gzip.js', 'lib/binding.node', 'lib/libx.so.1.2', 'model.onnx', 'wasm.cjs'].sort(),
    );
  });
});
