// @ts-check
/**
 * The way into every command: brings a fresh clone to the point where the built tools can run, then runs one.
 * It uses nothing but Node itself, because it runs before anything is installed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { child, fail } from './bootstrap/child.mjs';
import { alone } from './bootstrap/lock.mjs';
import { build, install, isBuilt } from './bootstrap/prepare.mjs';
import { root } from './bootstrap/root.mjs';
import { check, inCi, runGroups } from './bootstrap/tests.mjs';

const oldestNode = [20, 19];
/** Held while packages are installed or something is built. */
const lock = join(root, '.antiphon/bootstrap.lock');
/** What the tests need besides what a start needs. */
const testArtifacts = ['whisper-base', 'speech-two-cities'];

/**
 * `takes` is what a command without a help of its own takes.
 * @typedef {{ says: string, takes?: string, builds?: true, run: (args: string[]) => Promise<number> }} Command
 */
/** What a tool may need of this file: a child process that signals reach, a lock, the way tests are run and counted. */
const lent = { run: child, alone, runGroups, isBuilt };
/** @type {Record<string, Command>} */
const commands = {
  up: { says: 'start the stack on this machine and speak a first sentence', builds: true, run: tool('up') },
  down: { says: 'stop the stack that `up` started', builds: true, run: tool('down') },
  status: { says: 'show what runs, where, and whether it is ready', builds: true, run: tool('status') },
  dev: { says: 'start the stack; compile and restart an app when its code changes', builds: true, run: tool('dev') },
  models: { says: 'list, download and verify models, voices and nats-server', builds: true, run: tool('models') },
  license: {
    says: 'make issuer keys; issue, inspect, rehearse and revoke licences; serve the licence endpoint; manage API keys',
    builds: true,
    run: tool('license'),
  },
  graph: {
    says: 'show the function graph, and write the files generated from it',
    builds: true,
    run: tool('graph'),
  },
  endpoint: {
    says: 'add a function endpoint: job, row, controller, handler, tests; --engine adds an engine for a model',
    takes: 'NAME [--engine]',
    run: endpoint,
  },
  bench: {
    says: 'measure speech latency and throughput, of this machine by default',
    builds: true,
    run: tool('bench'),
  },
  build: { says: 'compile all apps and tools', takes: '', builds: true, run: async () => 0 },
  test: {
    says: 'run all tests; pass the arguments to jest',
    takes: '[PATH…] [JEST OPTIONS]',
    builds: true,
    run: test,
  },
  'test:cluster': {
    says: 'test the charts with real Knative, KEDA and Kubernetes (needs Go)',
    builds: true,
    run: tool('cluster'),
  },
  'test:egress': {
    says: 'count the packets that leave a deployment without network (needs unshare and ip)',
    builds: true,
    run: tool('egress'),
  },
  'test:observability': {
    says: 'test the alerting rules with promtool and the metrics with a real Prometheus',
    builds: true,
    run: tool('observe'),
  },
  check: { says: 'run lint, types, circular imports, rules and unit tests', takes: '', run: check },
};

/** @param {string} name @returns {Command['run']} the compiled `tools/NAME.ts`, run in this very process */
function tool(name) {
  return async (args) => {
    const file = join(root, 'dist/tools', `${name}.js`);
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
    await alone(lock, build);
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
    ['unit', 'rules', 'conformance', 'untimed'],
    ['e2e', '--runInBand'],
  ];
  const { code } = await runGroups(groups, args);
  return code === 0 && got !== 0 && inCi() ? fail('In CI no model may be missing.') : code;
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
    if (command.builds) await build();
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
