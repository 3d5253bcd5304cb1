// @ts-check
/**
 * The way into every command: brings a fresh clone to the point where the built tools can run, then runs one.
 * It uses nothing but Node itself, because it runs before anything is installed.
 */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];
/** Held while packages are installed or something is built. */
const lock = join(root, '.antiphon/bootstrap.lock');
/** What the tests need besides what a start needs. */
const testArtifacts = ['whisper-base', 'speech-two-cities'];

/** The signal that ended this command early; nothing is started after it. @type {NodeJS.Signals | undefined} */
let stopSignal;
/** What a shell reports for a program ended by a signal. @type {Partial<Record<NodeJS.Signals, number>>} */
const exitCodes = { SIGINT: 130, SIGTERM: 143 };

/**
 * `takes` is what a command without a help of its own takes.
 * @typedef {{ says: string, takes?: string, builds?: 'all' | 'tools', run: (args: string[]) => Promise<number> }} Command
 */
/** What a tool may need of this file: a child process that signals reach, a lock, the way tests are run and counted. */
const lent = { run: child, alone, runGroups };
/** @type {Record<string, Command>} */
const commands = {
  up: { says: 'start the stack on this machine and speak a first sentence', builds: 'all', run: tool('up') },
  down: { says: 'stop the stack that `up` started', builds: 'tools', run: tool('down') },
  status: { says: 'show what runs, where, and whether it is ready', builds: 'tools', run: tool('status') },
  dev: { says: 'start the stack; compile and restart an app when its code changes', builds: 'tools', run: tool('dev') },
  models: { says: 'list, download and verify models, voices and nats-server', builds: 'tools', run: tool('models') },
  license: { says: 'issue, verify and show licences', builds: 'tools', run: tool('license') },
  graph: {
    says: 'show the function graph, and write the files generated from it',
    builds: 'tools',
    run: tool('graph'),
  },
  endpoint: {
    says: 'add a function endpoint: job, row, controller, handler, tests; --engine adds an engine for a model',
    takes: 'NAME [--engine]',
    run: endpoint,
  },
  bench: {
    says: 'measure speech latency and throughput, of this machine by default',
    builds: 'all',
    run: tool('bench'),
  },
  build: { says: 'compile all apps and tools', takes: '', builds: 'all', run: async () => 0 },
  test: {
    says: 'run all tests; pass the arguments to jest',
    takes: '[PATH…] [JEST OPTIONS]',
    builds: 'all',
    run: test,
  },
  'test:cluster': {
    says: 'test the charts with real Knative, KEDA and Kubernetes (needs Go)',
    builds: 'all',
    run: tool('cluster'),
  },
  'test:observability': {
    says: 'test the alerting rules with promtool and the metrics with a real Prometheus',
    builds: 'all',
    run: tool('observe'),
  },
  check: { says: 'run lint, types, circular imports, rules and unit tests', takes: '', run: check },
};

/** @param {string} name @returns {Command['run']} the compiled `tools/NAME.ts`, run in this very process */
function tool(name) {
  return async (args) => {
    const file = join(root, 'dist/tools/tools', `${name}.js`);
    if (!existsSync(file)) return fail(`\`${name}\` does not exist: there is no tools/${name}.ts.`);
    process.setSourceMapsEnabled(true);
    /** @type {{ main: (args: string[], root: string, bootstrap: typeof lent) => Promise<number> }} */
    const module = await import(pathToFileURL(file).href);
    return module.main(args, root, lent);
  };
}

/** @param {string[]} args */
async function endpoint(args) {
  const { addEndpoint } = await import('./endpoint.mjs');
  const writeGraph = async () => {
    await alone(lock, () => build('tools'));
    return tool('graph')(['--write']);
  };
  return addEndpoint(args, root, { run: child, writeGraph });
}

/** @param {string[]} args */
async function test(args) {
  const models = tool('models');
  const got = Math.max(await models(['get']), await models(['get', ...testArtifacts]));
  if (got !== 0) console.error('Some models are missing. Tests that need them are skipped or fail.');
  // Whole stacks run one at a time, with nothing beside them: how they hear and speak in time is part of what is tested.
  const groups = [
    ['unit', 'rules', 'conformance', 'endpoint'],
    ['e2e', '--runInBand'],
  ];
  const { code } = await runGroups(groups, args);
  return code === 0 && got !== 0 && inCi() ? fail('In CI no model may be missing.') : code;
}

/** @typedef {(command: string, args: readonly string[]) => { command: string, args: string[] }} Enter */

/**
 * Runs jest once for each group, which is names of projects and options; then says what was skipped, and answers with an
 * exit code and how many tests passed and were skipped. In CI a skipped test is a failure.
 * @param {readonly (readonly string[])[]} groups @param {readonly string[]} args of the caller, for every group
 * @param {Enter} [enter] a command line that runs another one in surroundings that the tests need
 */
async function runGroups(groups, args, enter) {
  let failed = false;
  let passed = 0;
  const skipped = [];
  for (const group of groups) {
    const report = join(root, '.antiphon', `jest-${process.pid}.json`);
    const code = await jest(['--selectProjects', ...group, '--json', `--outputFile=${report}`, ...args], enter);
    failed ||= code !== 0;
    if (existsSync(report)) {
      const results = JSON.parse(readFileSync(report, 'utf8'));
      passed += results.numPassedTests;
      skipped.push(...skippedIn(results));
    }
    rmSync(report, { force: true });
  }
  const ended = (/** @type {number} */ code) => ({ code, passed, skipped: skipped.length });
  if (stopSignal) return ended(exitCodes[stopSignal] ?? 1);
  for (const line of skipped) console.log(`skipped: ${line}`);
  console.log(`${skipped.length} tests skipped.`);
  if (inCi() && skipped.length > 0) return ended(fail('In CI nothing may be skipped.'));
  return ended(failed ? 1 : 0);
}

const inCi = () => process.env.CI === 'true';

/** @param {any} results what `jest --json` reports @returns {string[]} full names, which carry the reason */
function skippedIn({ testResults }) {
  return testResults.flatMap((/** @type {any} */ file) =>
    file.assertionResults
      .filter((/** @type {any} */ result) => ['pending', 'todo', 'disabled'].includes(result.status))
      .map((/** @type {any} */ result) => `${relative(root, file.name)}: ${result.fullName}`),
  );
}

async function check() {
  /** @type {[string, () => Promise<number>][]} */
  const steps = [
    ['lint', () => npm(['run', 'lint'])],
    ['types', () => npm(['run', 'types'])],
    ['circular', () => npm(['run', 'circular'])],
    ['rules', () => jest(['--selectProjects', 'rules'])],
    ['unit', () => jest(['--selectProjects', 'unit'])],
  ];
  const results = [];
  for (const [name, step] of steps) {
    if (stopSignal) return exitCodes[stopSignal] ?? 1;
    console.log(`\n== ${name}`);
    results.push({ name, passed: (await step()) === 0 });
  }
  console.log('\n' + results.map(({ name, passed }) => `${passed ? 'passed' : 'FAILED'}  ${name}`).join('\n'));
  return results.every(({ passed }) => passed) ? 0 : 1;
}

/** @param {string[]} args @param {Enter} [enter] */
function jest(args, enter = (command, args) => ({ command, args: [...args] })) {
  const all = [join(root, 'node_modules/jest/bin/jest.js'), '--passWithNoTests', ...args];
  const entered = enter(process.execPath, all);
  return child(entered.command, entered.args);
}

/** @param {string[]} args @param {boolean} [quiet] */
function npm(args, quiet = false) {
  const own = process.env.npm_execpath;
  const arguments_ = ['--loglevel=error', ...args];
  return own?.endsWith('.js') ? child(process.execPath, [own, ...arguments_], quiet) : child('npm', arguments_, quiet);
}

/**
 * Runs a program to its end and gives its exit code; quiet shows its output only if it failed.
 * Ctrl-C reaches it from the terminal itself; signals sent to this process alone are passed on.
 * @param {string} command @param {string[]} args @param {boolean} [quiet] @returns {Promise<number>}
 */
function child(command, args, quiet = false) {
  if (stopSignal) return Promise.resolve(exitCodes[stopSignal] ?? 1);
  const started = spawn(command, args, { cwd: root, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
  /** @type {Buffer[]} */
  const output = [];
  started.stdout?.on('data', (data) => output.push(data));
  started.stderr?.on('data', (data) => output.push(data));
  const passOn = (/** @type {NodeJS.Signals} */ signal) => {
    stopSignal = signal;
    // A terminal has given Ctrl-C to the whole group already.
    if (signal === 'SIGTERM' || !process.stdin.isTTY) started.kill(signal);
  };
  process.on('SIGTERM', passOn).on('SIGINT', passOn);
  return new Promise((resolve) => {
    started.once('error', (error) => resolve(fail(`${command} could not be started: ${error.message}`)));
    started.once('close', (code, signal) => {
      process.off('SIGTERM', passOn).off('SIGINT', passOn);
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? exitCodes[signal ?? 'SIGTERM'] ?? 1);
    });
  });
}

/** Whether every package of the lock is in node_modules at its version; optional ones may be absent. */
function isInstalled() {
  const held = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(held)) return false;
  const have = JSON.parse(readFileSync(held, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([path, { version, optional }]) => path === '' || optional || have[path]?.version === version,
  );
}

/** @param {boolean} offline */
async function install(offline) {
  if (isInstalled()) return;
  if (offline)
    throw new Error('Packages are missing, and --offline downloads nothing. Run npm ci while the machine is online.');
  console.log('installing packages…');
  if ((await npm(['ci'], true)) !== 0) throw new Error('npm ci failed. Its output is above.');
}

/** @param {'all' | 'tools'} which */
async function build(which) {
  const { projects } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
  const stale = Object.entries(projects)
    .filter(([name]) => which === 'all' || name === which)
    .map(([name, project]) => ({ name, stamp: join(root, 'dist', project.root, '.built'), sources: digest(project) }))
    .filter(({ stamp, sources }) => !existsSync(stamp) || readFileSync(stamp, 'utf8') !== sources);
  if (stale.length === 0) return;
  console.log(`building ${stale.map(({ name }) => name).join(', ')}…`);
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const queue = [...stale];
  const failed = /** @type {string[]} */ ([]);
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      if ((await child(process.execPath, [nest, 'build', next.name], true)) === 0)
        writeFileSync(next.stamp, next.sources);
      else failed.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: Math.min(stale.length, os.availableParallelism()) }, worker));
  if (stopSignal) throw new Error('Stopped.');
  if (failed.length > 0) throw new Error(`The build of ${failed.join(', ')} failed. Its output is above.`);
}

/** @param {{ sourceRoot: string, compilerOptions: { tsConfigPath: string } }} project path, size and time of all it is built from */
function digest(project) {
  const single = ['tsconfig.json', 'nest-cli.json', 'package-lock.json', project.compilerOptions.tsConfigPath];
  // The benchmark shares its sentences and measures with the tests.
  const folders = [
    project.sourceRoot,
    'libs',
    ...(project.sourceRoot === 'tools' ? ['test/support', 'test/cluster/support'] : []),
  ];
  const trees = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
        .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name))),
    );
  const hash = createHash('sha256');
  for (const file of [...single, ...trees].sort()) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/**
 * Does a work while no other process does one under the same lock, so that two starts do not install or build over each
 * other.
 * @param {string} lock a file @param {() => Promise<void>} work
 */
async function alone(lock, work) {
  const mine = `${lock}.${process.pid}`;
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(mine, String(process.pid));
  try {
    while (!acquired(mine, lock)) await delay(200);
    await work().finally(() => rmSync(lock, { force: true }));
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @param {string} mine @param {string} lock */
function acquired(mine, lock) {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    if (!isAlive(holderOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

/** @param {string} lock @returns {number} the process that holds it; this one if it was released just now */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return process.pid;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @param {string} line */
function fail(line) {
  console.error(line);
  return 1;
}

function help() {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  console.log('npm run COMMAND -- [OPTIONS]      (--help after a command lists its options)\n');
  for (const [name, { says }] of Object.entries(commands)) console.log(`  ${name.padEnd(width)}  ${says}`);
  return 0;
}

/** @param {string[]} argv */
async function main([name = '--help', ...args]) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    return fail(`Antiphon needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}.`);
  }
  if (name === '--help' || name === '-h' || name === 'help') return help();
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return fail(`There is no command \`${name}\`; node tools/bootstrap.mjs --help lists them.`);
  if (command.takes !== undefined && ['--help', '-h'].includes(args[0] ?? '')) return shortHelp(name, command);
  await alone(lock, async () => {
    await install(args.includes('--offline'));
    if (command.builds) await build(command.builds);
  });
  return command.run(args);
}

/** Of the commands without options of their own. @param {string} name @param {Command} command */
function shortHelp(name, { says, takes }) {
  console.log(`npm run ${name}${takes ? ` -- ${takes}` : ''}\n\n${says[0]?.toUpperCase()}${says.slice(1)}.`);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error) => (process.exitCode = fail(error instanceof Error ? error.message : String(error))),
);
