import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A checkout in small: the real bootstrap, and a generator, a compiler and a graph that only do what the tests look at. */
let root: string;

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const nest = `
const fs = require('node:fs');
fs.appendFileSync('called', process.argv.slice(2).join(' ') + '\\n');
if (process.argv[2] === 'build') {
  fs.mkdirSync('dist/tools', { recursive: true });
  fs.copyFileSync('tools/graph.ts', 'dist/tools/graph.js');
} else if (fs.existsSync('refuses')) console.error('Error: something is there already');
else {
  const [schematic, name] = process.argv.slice(5);
  fs.writeFileSync(name + '.job.ts', '');
  if (!fs.existsSync('half')) fs.writeFileSync(name + '.handler.ts', '');
  if (schematic === 'engine-endpoint') fs.writeFileSync(name + '.engine.ts', '');
}
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'endpoint-'));
  for (const file of [
    'tools/bootstrap.mjs',
    'tools/bootstrap',
    'tools/endpoint.mjs',
    'schematics/endpoint/names.cjs',
  ]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    cpSync(join(__dirname, '..', file), join(root, file), { recursive: true });
  }
  const lock = JSON.stringify({ lockfileVersion: 3, packages: {} });
  write('package-lock.json', lock);
  write('node_modules/.package-lock.json', lock);
  write('node_modules/@nestjs/cli/bin/nest.js', nest);
  for (const file of ['nest-cli.json', 'tsconfig.json', 'tsconfig.build.json']) write(file, '{}');
  write('libs/one.ts', '');
  write('tools/graph.ts', 'exports.main = async (args) => { console.log(`graph ${args}`); return 0; };');
  write('schematics/endpoint/files/__name__.job.ts.template', '');
  write('schematics/endpoint/files/__name__.handler.ts.template', '');
  write('schematics/endpoint/files-engine/__name__.engine.ts.template', '');
});
afterEach(() => rmSync(root, { recursive: true }));

const endpoint = (...args: string[]) => {
  const argv = [join(root, 'tools/bootstrap.mjs'), 'endpoint', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: tmpdir() });
  return { status, stdout, stderr };
};
const called = (): string => (existsSync(join(root, 'called')) ? readFileSync(join(root, 'called'), 'utf8') : '');

describe('npm run endpoint', () => {
  it('has the endpoint generated, then what depends on the graph written, and says what to do next', () => {
    const { status, stdout } = endpoint('language-id');
    expect(status).toBe(0);
    expect(called()).toBe('generate -c @antiphon/schematics endpoint language-id -p gateway\nbuild all\n');
    expect(stdout).toMatch(/graph --write\n[^]*POST \/language-id works[^]*language-id\.handler\.ts/);
  });

  it('has an engine generated as well when asked to, and says where its model goes, as the page shows it', () => {
    const { status, stdout } = endpoint('speech-rate', '--engine');
    expect(status).toBe(0);
    expect(called()).toContain('generate -c @antiphon/schematics engine-endpoint speech-rate -p gateway\n');
    const page = readFileSync(join(__dirname, '../docs/new-endpoint.md'), 'utf8');
    const [, shown = ''] =
      /^npm run endpoint -- speech-rate --engine\n```\n[^]*?```text\n([^]*?)```$/m.exec(page) ?? [];
    expect(shown).toContain('POST /speech-rate works');
    expect(stdout).toContain(shown);
  });

  it.each(['refuses', 'half'])('fails when the generator, which exits with 0 all the same, %s', (how) => {
    write(how, '');
    expect(endpoint('language-id')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/was not added/) as string,
    });
    expect(called()).not.toContain('build');
  });

  it('fails when the graph cannot be written, and says how to do that later', () => {
    write('tools/graph.ts', 'exports.main = async () => 1;');
    const { status, stderr } = endpoint('language-id');
    expect(status).toBe(1);
    expect(stderr).toContain('npm run graph -- --write');
  });

  it('changes nothing for a name that is there, that cannot be used, or that is not given', () => {
    write('echo.handler.ts', '');
    const refused = (words: RegExp, ...args: string[]) => {
      const { status, stderr } = endpoint(...args);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(words) as string });
    };
    refused(/echo\.handler\.ts already exists/, 'echo');
    refused(/kebab-case/, 'Echo; touch pwned');
    refused(/is taken/, 'tts');
    refused(/Give one name/);
    refused(/Give one name/, 'one', 'two');
    refused(/Give one name/, 'one', '--model');
    refused(/Give one name/, '--engine');
    expect(called()).toBe('');
  });

  it('shows its help without doing anything', () => {
    expect(endpoint('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/npm run endpoint -- NAME \[--engine\][^]*an engine/) as string,
    });
    expect(called()).toBe('');
  });
});
