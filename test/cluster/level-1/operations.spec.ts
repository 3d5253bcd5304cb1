import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { documentedCommands } from '../../support/documented-commands';
import { binaries } from './checkers';
import { root } from './rendered';

const folder = join(root, 'docs/operations');
const pages = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const);
const commands = documentedCommands(pages, 'helm').filter(({ words }) => words.includes('knative'));

/** The values file of an operator, as the page on the modes of the licence has it. */
const modes = readFileSync(join(folder, 'license-modes.md'), 'utf8');
const ownValues = /call it\s+`own-values.yaml`:\s+```yaml\n(.*?)```/s.exec(modes)?.[1] ?? '';

/** The same chart and values, rendered instead of installed. */
function rendering(words: readonly string[], files: string): string[] {
  const own = words.map((word) =>
    ['values-in-use.yaml', 'own-values.yaml'].includes(word)
      ? join(files, word)
      : word.replace(/=\.\/(?:license\/)?(.+)$/, `=${files}/$1`),
  );
  const rest = own
    .slice(own.indexOf('antiphon'))
    .filter((word) => !['--create-namespace', '--reuse-values'].includes(word));
  return ['template', ...rest];
}

describe('the commands of docs/operations', () => {
  const files = mkdtempSync(join(tmpdir(), 'antiphon-operations-'));
  beforeAll(() => {
    for (const name of ['license.jwt', 'issuer-public.pem', 'api-keys.json', 'values-in-use.yaml']) {
      writeFileSync(join(files, name), '{}');
    }
    writeFileSync(join(files, 'own-values.yaml'), ownValues);
  });
  afterAll(() => rmSync(files, { recursive: true }));

  it('have a values file of an operator in the docs', () => expect(ownValues).toContain('license:'));

  it('are some', () => expect(commands.length).toBeGreaterThan(8));

  it('write the values in use without the heading that helm gives them, which the charts would refuse', () => {
    const saved = documentedCommands(pages, 'helm').filter(({ words }) => words.slice(1, 3).join(' ') === 'get values');
    expect(saved.length).toBeGreaterThan(0);
    expect(saved.filter(({ words }) => !words.join(' ').includes('-o yaml'))).toEqual([]);
  });

  it.each(commands.map(({ page, words }) => [page, words.join(' '), words] as const))(
    '%s: %s is taken by helm and the charts',
    (_page, _line, words) => {
      const { status, stderr } = spawnSync(join(binaries(), 'helm'), rendering(words, files), {
        cwd: root,
        encoding: 'utf8',
      });
      expect([status, stderr.split('\n').filter((line) => line.startsWith('Error'))]).toEqual([0, []]);
    },
  );
});
