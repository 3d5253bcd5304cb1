import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterCheckout } from '../../test/support/cluster-checkout';
import { main, type TestRun } from '../cluster';
import { hashInputs, inputFiles } from './inputs';
import { passesFile, readPasses } from './passes';

jest.mock('../models', () => ({ main: () => Promise.resolve(0) }));

/** All of the level passed. */
const whole: TestRun = { code: 0, passed: 7, skipped: 0 };

let checkout: ClusterCheckout;
let lines: string[];
let errors: string[];
let runs: number;
/** What happens while the tests run, and how they end. */
let testing: () => TestRun;
let built: boolean;

const environment = { ...process.env };
beforeEach(() => {
  checkout = new ClusterCheckout();
  [lines, errors, runs] = [[], [], 0];
  testing = () => whole;
  built = true;
  Object.assign(process.env, checkout.env);
  execFileSync('git', ['init', '--quiet'], { cwd: checkout.folder });
  checkout.write('.gitignore', '.antiphon/\n');
  checkout.write('knative/values.yaml', 'seats: 8');
  checkout.write('apps/gateway/src/main.ts', 'start();');
  jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  jest.spyOn(console, 'error').mockImplementation((line: string) => void errors.push(line));
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...environment };
  checkout.remove();
});

const cluster = (...args: string[]): Promise<number> =>
  main(args, checkout.folder, {
    run: (_, args) => {
      writeFileSync(args[args.indexOf('-o') + 1] ?? '', '');
      return Promise.resolve(0);
    },
    alone: (_, work) => work(),
    runGroups: () => {
      runs += 1;
      return Promise.resolve(testing());
    },
    isBuilt: () => built,
  });
const recorded = () => readPasses(checkout.folder);

describe('npm run test:cluster -- --if-changed', () => {
  it('runs a level that never passed, then skips it by name with the beginning of the hash of its inputs', async () => {
    expect(await cluster('1', '--if-changed')).toBe(0);
    expect(runs).toBe(1);
    const inputs = (await hashInputs(checkout.folder, 1)) ?? '';
    expect(inputs).toMatch(/^[0-9a-f]{64}$/);
    expect(await recorded()).toEqual({ 1: { inputs, tests: 7 } });
    lines = [];
    expect(await cluster('1', '--if-changed')).toBe(0);
    expect(runs).toBe(1);
    expect(lines).toEqual([`unchanged since it passed: cluster tests, level 1, inputs ${inputs.slice(0, 12)}`]);
  });

  it.each([
    ['a chart', 'knative/values.yaml'],
    ['an app', 'apps/gateway/src/main.ts'],
    ['a new source that git does not track yet', 'libs/broker/src/new.ts'],
    ['a Go module of the level', 'test/cluster/go/keda/main.go'],
    ['its own code', 'test/cluster/level-1/charts.spec.ts'],
    ['the packages', 'package-lock.json'],
  ])('runs a level again after a change of %s', async (_, file) => {
    await cluster('1');
    checkout.write(file, 'changed');
    await cluster('1', '--if-changed');
    expect(runs).toBe(2);
  });

  it('runs a level again when an input is gone, and not for a file of the same content', async () => {
    await cluster('1');
    checkout.write('knative/values.yaml', 'seats: 8');
    await cluster('1', '--if-changed');
    expect(runs).toBe(1);
    rmSync(join(checkout.folder, 'knative/values.yaml'));
    await cluster('1', '--if-changed');
    expect(runs).toBe(2);
  });

  it.each([
    ['another level', 'test/cluster/level-2/drain-suite.ts'],
    ['a unit test', 'apps/gateway/src/main.spec.ts'],
    ['the Go module of another level', 'test/cluster/go/etcd/main.go'],
    ['what git ignores', 'libs/.antiphon/models'],
  ])('does not run a level for a change of %s', async (_, file) => {
    await cluster('1');
    checkout.write(file, 'changed');
    await cluster('1', '--if-changed');
    expect(runs).toBe(1);
  });

  it('runs a level whose record says another hash', async () => {
    await cluster('1');
    checkout.write(passesFile, JSON.stringify({ 1: { inputs: '0'.repeat(64), tests: 7 } }));
    await cluster('1', '--if-changed');
    expect(runs).toBe(2);
  });

  it('runs a level without the option, whatever is recorded', async () => {
    await cluster('1');
    await cluster('1');
    expect(runs).toBe(2);
  });

  it('runs a level where git cannot list its files, and records nothing', async () => {
    rmSync(join(checkout.folder, '.git'), { recursive: true });
    expect(await cluster('1', '--if-changed')).toBe(0);
    expect(runs).toBe(1);
    expect(await recorded()).toEqual({});
    expect(lines.at(-1)).toContain('git cannot list its files');
  });

  it('records no level whose sources changed after they were built, while another level ran', async () => {
    testing = () => {
      checkout.write('apps/gateway/src/main.ts', `never compiled ${runs}`);
      return whole;
    };
    expect(await cluster('1', '2')).toBe(0);
    expect(runs).toBe(2);
    expect(await recorded()).toEqual({});
  });

  it('records nothing where the build is of other sources', async () => {
    built = false;
    expect(await cluster('1')).toBe(0);
    expect(await recorded()).toEqual({});
  });

  it('says which file is no JSON', async () => {
    checkout.write(passesFile, '<<<<<<< ours');
    expect(await cluster('1', '--if-changed')).toBe(1);
    expect(errors.join()).toContain(`${passesFile} is no JSON`);
  });
});

describe('the record of the cluster tests', () => {
  it.each([
    ['fails', () => ({ ...whole, code: 1 })],
    ['skips a test', () => ({ ...whole, skipped: 1 })],
    ['has no test', () => ({ ...whole, passed: 0 })],
    [
      'is edited meanwhile',
      () => {
        checkout.write('knative/values.yaml', 'seats: 9');
        return whole;
      },
    ],
  ])('does not take a level that %s', async (_, happens) => {
    testing = happens;
    await cluster('1');
    expect(runs).toBe(1);
    expect(await recorded()).toEqual({});
  });

  it('does not take a level of which jest was given a part', async () => {
    await cluster('1', '--', '-t', 'KEDA');
    expect(runs).toBe(1);
    expect(await recorded()).toEqual({});
  });

  it('does not take what was only built', async () => {
    await cluster('1', '--build-only');
    expect(await recorded()).toEqual({});
  });

  it('keeps the other levels, as prettier formats it', async () => {
    const other = { inputs: 'a'.repeat(64), tests: 3 };
    checkout.write(passesFile, JSON.stringify({ 2: other }));
    await cluster('1');
    expect(await recorded()).toEqual({ 1: { inputs: expect.any(String) as string, tests: 7 }, 2: other });
    const text = checkout.read(passesFile);
    expect(text.indexOf('"1"')).toBeLessThan(text.indexOf('"2"'));
    const prettier = join(__dirname, '../../node_modules/prettier/bin/prettier.cjs');
    const path = join(checkout.folder, passesFile);
    expect(execFileSync(process.execPath, [prettier, path], { encoding: 'utf8' })).toBe(text);
  });
});

describe('the hash of inputs', () => {
  it('is the same in another folder, tracked or not, and takes a link by where it points', async () => {
    symlinkSync('../keda', join(checkout.folder, 'knative/workers'));
    const hash = await hashInputs(checkout.folder, 1);
    execFileSync('git', ['add', '.'], { cwd: checkout.folder });
    expect(await hashInputs(checkout.folder, 1)).toBe(hash);
    expect(await inputFiles(checkout.folder, 1)).toContain('knative/workers');

    const other = new ClusterCheckout();
    execFileSync('git', ['init', '--quiet'], { cwd: other.folder });
    other.write('knative/values.yaml', 'seats: 8');
    other.write('apps/gateway/src/main.ts', 'start();');
    symlinkSync('../keda', join(other.folder, 'knative/workers'));
    expect(await hashInputs(other.folder, 1)).toBe(hash);
    other.remove();
  });
});
