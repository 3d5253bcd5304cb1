import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findPrometheus } from './prometheus-program';

const { PATH } = process.env;

let root: string;
let folder: string;

/** A program that only tells its version. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "${path.split('/').at(-1) ?? ''}, version ${version} (branch: x)"\n`);
  chmodSync(path, 0o755);
  return path;
}
const both = (at: string, version: string) => ({
  prometheus: program(join(at, 'prometheus'), version),
  promtool: program(join(at, 'promtool'), version),
});
const nowhere = { prometheus: '/nowhere/prometheus', promtool: '/nowhere/promtool' };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'antiphon-prometheus-'));
  folder = join(root, 'prometheus');
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(root, { recursive: true });
});

it('takes the Prometheus of the machine, which finds its own pages', async () => {
  const installed = both(join(root, 'bin'), '3.5.0');
  both(join(folder, 'usr/bin'), '2.42.0');
  expect(await findPrometheus({ folder, installed })).toEqual({ ...installed, version: '3.5.0' });
});

it('takes an own copy that was unpacked before, with its pages, also offline', async () => {
  const own = both(join(folder, 'usr/bin'), '2.42.0');
  const found = await findPrometheus({ folder, installed: nowhere, offline: true });
  expect(found).toEqual({ ...own, version: '2.42.0', assetsFolder: join(folder, 'usr/share/prometheus/web/') });
});

it('does not take a Prometheus without its promtool', async () => {
  const installed = { ...nowhere, prometheus: program(join(root, 'bin/prometheus'), '3.5.0') };
  await expect(findPrometheus({ folder, installed, offline: true })).rejects.toMatchObject({ code: 'tool_missing' });
});

it('says in one line what to install where nothing may be fetched', async () => {
  await expect(findPrometheus({ folder, installed: nowhere, offline: true })).rejects.toMatchObject({
    code: 'tool_missing',
    detail: expect.stringMatching(
      /^Prometheus is not on the PATH, and --offline.*apt-get install prometheus.*$/,
    ) as string,
  });
});

it('says the same on a machine without apt, and leaves nothing behind', async () => {
  process.env.PATH = join(root, 'empty');
  await expect(findPrometheus({ folder, installed: nowhere })).rejects.toMatchObject({
    code: 'tool_missing',
    detail: expect.stringMatching(
      /^Prometheus is not on the PATH, and apt-cache is not there.*apt-get install.*$/,
    ) as string,
  });
  expect(readdirSync(root)).toEqual([]);
});

it('says what apt said where the package cannot be fetched', async () => {
  const bin = join(root, 'bin');
  for (const name of ['apt-get', 'apt-cache']) {
    program(join(bin, name), '');
    writeFileSync(
      join(bin, name),
      '#!/bin/sh\necho "W: a warning" >&2\necho "E: Unable to locate package prometheus" >&2\nexit 100\n',
    );
  }
  process.env.PATH = `${bin}:/bin:/usr/bin`;
  await expect(findPrometheus({ folder, installed: nowhere })).rejects.toMatchObject({
    detail: expect.stringContaining('(Unable to locate package prometheus): install it') as string,
  });
});
