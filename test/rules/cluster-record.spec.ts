import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inputFiles, inputPaths } from '../../tools/cluster/inputs';
import { levels } from '../../tools/cluster/parts';
import { passesFile } from '../../tools/cluster/passes';
import { closureOf } from './package-closure';

const root = join(__dirname, '../..');
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));

const apps = readdirSync(join(root, 'apps'));
/** What `nest build` compiles of apps and libraries, and what it copies. */
const compiled = [...apps.map((app) => `apps/${app}/src`), 'libs']
  .flatMap(filesIn)
  .filter((file) => /\.(ts|json)$/.test(file) && !file.endsWith('.spec.ts'));

describe(passesFile, () => {
  const record = JSON.parse(readFileSync(join(root, passesFile), 'utf8')) as Record<string, unknown>;

  it('has a hash and a number of tests for each level that it names, and nothing else', () => {
    const names = levels.map(String);
    expect(Object.keys(record).filter((level) => !names.includes(level))).toEqual([]);
    const isPass = (pass: unknown): boolean => {
      const { inputs, tests, ...more } = pass as Record<string, unknown>;
      return /^[0-9a-f]{64}$/.test(String(inputs)) && Number(tests) > 0 && Object.keys(more).length === 0;
    };
    expect(Object.values(record).filter((pass) => !isPass(pass))).toEqual([]);
  });
});

describe.each(levels)('the inputs of level %d of the cluster tests', (level) => {
  const folder = `test/cluster/level-${level}`;

  it('hold all that its tests, its command and the apps are made of', async () => {
    const specs = filesIn(folder).filter((file) => file.endsWith('.spec.ts'));
    expect(specs.length).toBeGreaterThan(0);
    const mains = apps.map((app) => `apps/${app}/src/main.ts`);
    const { sources } = closureOf(root, [...specs, ...mains, 'tools/cluster.ts']);
    const inputs = new Set(await inputFiles(root, level));
    expect([...sources, ...compiled].filter((file) => !inputs.has(file))).toEqual([]);
  });

  it('hold the charts, and only what there is', async () => {
    const inputs = (await inputFiles(root, level)) ?? [];
    expect(inputs).toEqual(expect.arrayContaining(['knative/values.yaml', 'keda/values.yaml', 'package-lock.json']));
    const isThere = (path: string): boolean => inputs.some((file) => file === path || file.startsWith(`${path}/`));
    expect(inputPaths(level).filter((path) => !isThere(path))).toEqual([]);
  });
});
