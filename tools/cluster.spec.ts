import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { main, type Bootstrap } from './cluster';
import { goModules, partsOf } from './cluster/parts';
import { parseClusterArgs } from './cluster/options';

/** A checkout in small, a cache of its own, and a Go that only answers what it is asked. */
let folder: string;
let lines: string[];
let errors: string[];
/** Command lines that were run, and how the next ones end. */
let ran: string[][];
let exitCode: number;
let groups: (readonly string[])[];

const write = (path: string, content: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
};

const bootstrap: Bootstrap = {
  run: (command, args) => {
    ran.push([command, ...args]);
    const into = args[args.indexOf('-o') + 1] ?? '';
    if (exitCode === 0) writeFileSync(into, `of ${args.at(-1)}`);
    return Promise.resolve(exitCode);
  },
  alone: (_, work) => work(),
  runGroups: (wanted) => {
    groups.push(...wanted);
    return Promise.resolve(0);
  },
};

const environment = { ...process.env };
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'antiphon-cluster-')));
  [lines, errors, ran, groups, exitCode] = [[], [], [], [], 0];
  for (const { name } of goModules) write(`test/cluster/go/${name}/go.mod`, `module antiphon/${name}\n\ngo 1.26.0\n`);
  write('shipped/config/core/a.yaml', 'a');
  write('bin/go', `#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.8; else echo '{"Dir":"${folder}/shipped"}'; fi\n`);
  chmodSync(join(folder, 'bin/go'), 0o755);
  process.env.PATH = `${join(folder, 'bin')}:${environment.PATH}`;
  process.env.ANTIPHON_CLUSTER_CACHE = join(folder, 'cache');
  jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  jest.spyOn(console, 'error').mockImplementation((line: string) => void errors.push(line));
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  for (const { module, folder: within } of goModules.flatMap(({ shared }) => shared)) {
    write(`shipped/${within}/${module.split('/').at(-1)}.yaml`, module);
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...environment };
  rmSync(folder, { recursive: true });
});

const build = (...args: string[]): Promise<number> => main([...args, '--build-only'], folder, bootstrap);
const built = (): string[] => ran.map((line) => line.at(-1) ?? '');

describe('npm run test:cluster', () => {
  it('builds what a level needs, and links it where the tests look', async () => {
    expect(await build('1')).toBe(0);
    const wanted = partsOf([1]).flatMap(({ binaries }) => binaries);
    expect(built()).toEqual(wanted.map((binary) => binary.package));
    const bin = process.env.ANTIPHON_CLUSTER_BIN ?? '';
    for (const binary of wanted) expect(readFileSync(join(bin, binary.name), 'utf8')).toBe(`of ${binary.package}`);
    expect(readFileSync(join(bin, 'share/knative-serving/a.yaml'), 'utf8')).toBe('a');
    expect(existsSync(join(bin, 'etcd'))).toBe(false);
  });

  it('builds nothing twice, and again only the module that changed', async () => {
    await build('1');
    ran = [];
    await build('1');
    expect(ran).toEqual([]);
    write('test/cluster/go/keda/cmd/keda-scaler/main.go', 'package main');
    await build('1');
    expect(built()).toEqual(['./cmd/keda-scaler', './cmd/scaledobject-validate']);
  });

  it('shares builds between levels', async () => {
    await build('1');
    ran = [];
    await build('2');
    expect(built()).toEqual(['knative.dev/serving/cmd/queue']);
  });

  it('keeps nothing of a build that failed, and tries again', async () => {
    exitCode = 1;
    expect(await build('1')).toBe(1);
    expect(errors.join()).toContain('helm was not built');
    exitCode = 0;
    expect(await build('1')).toBe(0);
    expect(built()[1]).toBe('helm.sh/helm/v3/cmd/helm');
  });

  it('says that Go is missing, or too old, and for what it is needed', async () => {
    write('bin/go', '#!/bin/sh\nexit 127\n');
    expect(await build('1')).toBe(1);
    expect(errors.join()).toMatch(/Go 1\.26 or newer is needed to build helm, and was not found/);
    write('bin/go', '#!/bin/sh\necho go1.25.9\n');
    expect(await build('1')).toBe(1);
    expect(errors.join()).toContain('is here as 1.25');
    expect(ran).toEqual([]);
  });

  it('needs no Go once all is built', async () => {
    await build('1');
    write('bin/go', '#!/bin/sh\nexit 127\n');
    expect(await build('1')).toBe(0);
  });

  it('skips with --if-built a level that is not, by name, with what is missing', async () => {
    expect(await main(['2', '--if-built'], folder, bootstrap)).toBe(0);
    expect(lines).toEqual([
      'skipped: cluster tests, level 2: not built yet: helm, ksvc-validate, queue-proxy, knative-serving',
    ]);
    expect(groups).toEqual([]);
    await build('2');
    ran = [];
    lines = [];
    expect(await build('2', '--if-built')).toBe(0);
    expect(lines).toEqual([]);
  });

  it('asks for a level, and knows three', async () => {
    expect(await main([], folder, bootstrap)).toBe(1);
    expect(await main(['4'], folder, bootstrap)).toBe(1);
    expect(errors.join('\n')).toMatch(/Name the level[^]*no level "4"/);
    expect(await main(['--help'], folder, bootstrap)).toBe(0);
    expect(lines.join('\n')).toContain('--if-built');
  });

  it('gives what stands behind -- to jest', () => {
    expect(parseClusterArgs(['2', '1', '--', '-t', 'drain'])).toMatchObject({ levels: [1, 2], jest: ['-t', 'drain'] });
  });
});
