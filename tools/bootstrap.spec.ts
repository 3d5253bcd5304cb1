import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A checkout in small: the real bootstrap, and a compiler and a jest that only do what the tests look at. */
let root: string;

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const compiler = `
const fs = require('node:fs'), path = require('node:path');
fs.appendFileSync('builds', process.argv[3] + '\\n');
if (fs.existsSync('broken')) { console.error('tools/models.ts: a type error'); process.exit(1); }
fs.mkdirSync('dist/tools', { recursive: true });
fs.copyFileSync('tools/models.ts', 'dist/tools/models.js');
`;

const lock = (version: string): string =>
  JSON.stringify({ lockfileVersion: 3, packages: { '': {}, 'node_modules/one': { version } } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  for (const file of ['bootstrap.mjs', 'bootstrap'])
    cpSync(join(__dirname, file), join(root, 'tools', file), { recursive: true });
  write('package-lock.json', lock('1.0.0'));
  write('node_modules/.package-lock.json', lock('1.0.0'));
  write('node_modules/@nestjs/cli/bin/nest.js', compiler);
  for (const file of ['nest-cli.json', 'tsconfig.json', 'tsconfig.build.json']) write(file, '{}');
  write('libs/one.ts', '');
  write('tools/models.ts', 'exports.main = async (args) => { console.log(args.join("|")); return 3; };');
});
afterEach(() => rmSync(root, { recursive: true }));

const bootstrap = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'tools/bootstrap.mjs'), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
    env: { ...process.env, npm_execpath: join(root, 'npm.js') },
  });
  return { status, stdout, stderr };
};

const builds = (): number => readFileSync(join(root, 'builds'), 'utf8').split('\n').length - 1;
const touch = (path: string): void => utimesSync(join(root, path), new Date(), new Date(2040, 1, 1));

describe('bootstrap', () => {
  it('builds, then runs the tool with its arguments and gives back its exit code', () => {
    expect(bootstrap('models', 'get', '--offline')).toMatchObject({
      status: 3,
      stdout: 'building…\nget|--offline\n',
    });
  });

  it('installs nothing for a start that may fetch nothing', () => {
    write('node_modules/.package-lock.json', lock('0.9.0'));
    write('npm.js', "require('node:fs').writeFileSync('installed', '');");
    const { status, stderr } = bootstrap('models', 'get', '--offline');
    expect(status).toBe(1);
    expect(stderr).toContain('npm ci');
    expect(existsSync(join(root, 'installed'))).toBe(false);
  });

  it('shows the help of its own commands without running them', () => {
    for (const name of ['build', 'test', 'check']) {
      const { status, stdout } = bootstrap(name, '--help');
      expect(status).toBe(0);
      expect(stdout).toContain(`npm run ${name}`);
    }
    expect(existsSync(join(root, 'builds'))).toBe(false);
  });

  it('builds again only when a source changed, not when a test did', () => {
    bootstrap('models');
    bootstrap('models');
    expect(builds()).toBe(1);
    write('libs/one.spec.ts', '');
    bootstrap('models');
    expect(builds()).toBe(1);
    touch('libs/one.ts');
    bootstrap('models');
    expect(builds()).toBe(2);
    write('test/support/sentences.ts', '');
    bootstrap('models');
    expect(builds()).toBe(3);
    rmSync(join(root, 'dist'), { recursive: true });
    bootstrap('models');
    expect(builds()).toBe(4);
  });

  it('shows why a build failed, runs nothing, and tries again the next time', () => {
    write('broken', '');
    const failed = bootstrap('models', 'list');
    expect(failed).toMatchObject({ status: 1, stdout: 'building…\n' });
    expect(failed.stderr).toBe('tools/models.ts: a type error\nThe build failed. Its output is above.\n');
    rmSync(join(root, 'broken'));
    expect(bootstrap('models', 'list').status).toBe(3);
  });

  it('installs quietly when a package of the lock is absent or of another version', () => {
    write('npm.js', `require('node:fs').copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`);
    write('package-lock.json', lock('1.0.1'));
    expect(bootstrap('models', 'list').stdout).toBe('installing packages…\nbuilding…\nlist\n');
    expect(bootstrap('models', 'list').stdout).toBe('list\n');
  });

  it('shows what npm said when the installation failed', () => {
    write('npm.js', `console.error('npm error network'); process.exit(1);`);
    rmSync(join(root, 'node_modules/.package-lock.json'));
    expect(bootstrap('models')).toMatchObject({
      status: 1,
      stderr: 'npm error network\nnpm ci failed. Its output is above.\n',
    });
  });

  it('takes over the lock of a process that is gone', () => {
    write('.antiphon/bootstrap.lock', '999999999');
    expect(bootstrap('models').status).toBe(3);
    expect(existsSync(join(root, '.antiphon/bootstrap.lock'))).toBe(false);
  });

  it('lets two starts prepare one after the other', async () => {
    const starts = [1, 2].map(() => spawn(process.execPath, [join(root, 'tools/bootstrap.mjs'), 'models']));
    const codes = await Promise.all(starts.map((start) => new Promise((resolve) => start.once('close', resolve))));
    expect(codes).toEqual([3, 3]);
    expect(builds()).toBe(1);
  });

  it('lists its commands without installing or building anything', () => {
    rmSync(join(root, 'node_modules'), { recursive: true });
    const { status, stdout } = bootstrap('--help');
    expect(status).toBe(0);
    for (const name of ['up', 'down', 'status', 'dev', 'models', 'bench', 'test', 'check']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
    expect(existsSync(join(root, 'dist'))).toBe(false);
  });

  it('answers an unknown command with one line', () => {
    expect(bootstrap('upp')).toMatchObject({ status: 1, stderr: expect.stringMatching(/^.*upp.*\n$/) as string });
  });

  describe('test', () => {
    const jestThatSkips = `
      const fs = require('node:fs');
      const file = process.argv.find((arg) => arg.startsWith('--outputFile=')).split('=')[1];
      const assertionResults = process.argv.includes('e2e')
        ? [{ status: 'pending', fullName: 'speech (skipped: no model) works' }, { status: 'passed', fullName: 'x' }] : [];
      fs.writeFileSync(file, JSON.stringify({ testResults: [{ name: __filename, assertionResults }] }));
      if (process.argv.includes('--fail')) process.exit(1);
    `;
    beforeEach(() => {
      write('node_modules/jest/bin/jest.js', jestThatSkips);
      write('tools/models.ts', 'exports.main = async (args) => 0;');
    });

    it('prints what was skipped, with the reason that its name carries, and the count', () => {
      const { status, stdout } = bootstrapIn({ CI: '' }, 'test');
      expect(status).toBe(0);
      expect(stdout).toContain(
        'skipped: node_modules/jest/bin/jest.js: speech (skipped: no model) works\n1 tests skipped.',
      );
    });

    it('takes a skipped test as a failure in CI', () => {
      expect(bootstrapIn({ CI: 'true' }, 'test').status).toBe(1);
    });

    it('fails when a group of tests fails', () => {
      expect(bootstrapIn({ CI: '' }, 'test', '--fail').status).toBe(1);
    });
  });

  it('passes a signal on to what it runs, starts nothing after it, and ends as a shell expects', async () => {
    const waits = `
      const file = require('node:path').join(process.cwd(), 'signals');
      process.on('SIGTERM', () => { require('node:fs').appendFileSync(file, 'SIGTERM '); process.exit(1); });
      setInterval(() => 0, 1000);
      console.log('waiting');
    `;
    write('npm.js', waits);
    const env = { ...process.env, npm_execpath: join(root, 'npm.js') };
    const started = spawn(process.execPath, [join(root, 'tools/bootstrap.mjs'), 'check'], { env });
    started.stdout.on('data', (data: Buffer) => data.includes('waiting') && started.kill('SIGTERM'));
    const code = await new Promise((resolve) => started.once('close', resolve));
    expect(readFileSync(join(root, 'signals'), 'utf8')).toBe('SIGTERM ');
    expect(code).toBe(143);
  });
});

function bootstrapIn(env: Record<string, string>, ...args: string[]) {
  return spawnSync(process.execPath, [join(root, 'tools/bootstrap.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}
