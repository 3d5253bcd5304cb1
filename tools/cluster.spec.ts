import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterCheckout } from '../test/support/cluster-checkout';
import { main, type Bootstrap } from './cluster';
import { partsOf } from './cluster/parts';
import { parseClusterArgs } from './cluster/options';

let checkout: ClusterCheckout;
let lines: string[];
let errors: string[];
/** Command lines that were run, and how the next ones end. */
let ran: string[][];
let exitCode: number;

const bootstrap: Bootstrap = {
  run: (command, args) => {
    ran.push([command, ...args]);
    const into = args[args.indexOf('-o') + 1] ?? '';
    if (exitCode === 0) writeFileSync(into, `of ${args.at(-1)}`);
    return Promise.resolve(exitCode);
  },
  alone: (_, work) => work(),
  runGroups: () => Promise.resolve({ code: 0, passed: 0, skipped: 0 }),
  isBuilt: () => true,
};

const environment = { ...process.env };
beforeEach(() => {
  checkout = new ClusterCheckout();
  [lines, errors, ran, exitCode] = [[], [], [], 0];
  Object.assign(process.env, checkout.env);
  jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  jest.spyOn(console, 'error').mockImplementation((line: string) => void errors.push(line));
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...environment };
  checkout.remove();
});

const build = (...args: string[]): Promise<number> => main([...args, '--build-only'], checkout.folder, bootstrap);
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
    checkout.write('test/cluster/go/keda/cmd/keda-scaler/main.go', 'package main');
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
    checkout.writeGo('exit 127');
    expect(await build('1')).toBe(1);
    expect(errors.join()).toMatch(/Go 1\.26 or newer is needed to build helm, and was not found/);
    checkout.writeGo('echo go1.25.9');
    expect(await build('1')).toBe(1);
    expect(errors.join()).toContain('is here as 1.25');
    expect(ran).toEqual([]);
  });

  it('needs no Go once all is built', async () => {
    await build('1');
    checkout.writeGo('exit 127');
    expect(await build('1')).toBe(0);
  });

  it('asks for a level, and knows three', async () => {
    expect(await main([], checkout.folder, bootstrap)).toBe(1);
    expect(await main(['4'], checkout.folder, bootstrap)).toBe(1);
    expect(errors.join('\n')).toMatch(/Name the level[^]*no level "4"/);
    expect(await main(['--help'], checkout.folder, bootstrap)).toBe(0);
    expect(lines.join('\n')).toContain('--if-changed');
  });

  it('gives what stands behind -- to jest', () => {
    expect(parseClusterArgs(['2', '1', '--', '-t', 'drain'])).toMatchObject({ levels: [1, 2], jest: ['-t', 'drain'] });
  });
});
