import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ProblemError } from '@app/protocol';
import { errorLine } from './error-line';
import { speakFirstSentence, wasUnderstood } from './stack/first-sentence';
import { stopLeftovers, survivorsOf } from './stack/leftovers';
import { parseUpOptions, upHelp, type UpOptions } from './stack/options';
import { planStack } from './stack/plan';
import { PortBook } from './stack/ports';
import { prepare } from './stack/prepare';
import { sayAddresses, sayCheckIn, sayFirstSentence } from './stack/report';
import { readRunFile, removeRunFile, writeRunFile, type RunFile } from './stack/run-file';
import { Stack } from './stack/stack';

const leftoversTimeoutMs = 20_000;

/** `npm run up`: see `upHelp`. Resolves to the exit code once the stack has stopped. */
export const main = (args: readonly string[], root: string): Promise<number> => runUp(args, root);

/** The same, telling the caller when the stack has started. */
export async function runUp(
  args: readonly string[],
  root: string,
  onStarted?: (stack: Stack) => void,
): Promise<number> {
  try {
    const options = parseUpOptions(args, root);
    if (options.help) {
      console.log(upHelp);
      return 0;
    }
    return await up(options, root, onStarted);
  } catch (error) {
    console.error(`antiphon: ${errorLine(error)}`);
    return 1;
  }
}

/** Starts the stack and stays until it is told to stop. */
async function up(options: UpOptions, root: string, onStarted?: (stack: Stack) => void): Promise<number> {
  await makeWay(options.dataFolder);
  mkdirSync(join(options.dataFolder, 'logs'), { recursive: true, mode: 0o700 });
  const startedAt = performance.now();
  const startedMs = Date.now();
  const ports = new PortBook();
  // Before anything is downloaded for a start that cannot be.
  await ports.takeExactly(options.port);
  // Another start on this folder sees from here on that it is taken.
  writeRunFile(options.dataFolder, comingUp(options.port));
  const prepared = await prepare(options, root).catch((error: unknown) => {
    removeRunFile(options.dataFolder);
    throw error;
  });
  const stop = stopSignal();
  const plan = await planStack({ ...prepared, root, ...options }, ports);
  const stack = new Stack(plan);
  const run = (ready: boolean): void =>
    writeRunFile(options.dataFolder, {
      ready,
      ...plan.addresses,
      apiKey: prepared.license.apiKey,
      adminKey: prepared.license.adminKey,
      pids: { launcher: process.pid, ...stack.pids() },
    });
  let ready = false;
  stack.on('line', (line) => {
    console.log(`antiphon: ${line}`);
    run(ready);
  });
  try {
    const started = begin(stack, plan.addresses.api, prepared.license.apiKey, options);
    const understood = await Promise.race([started, stop.then(() => undefined)]);
    if (understood === undefined) return 130;
    ready = true;
    run(ready);
    sayAddresses(plan.addresses, prepared.license.apiKey, options.dataFolder);
    if (plan.addresses.licenseEndpoint) await sayCheckIn(plan.addresses.licenseEndpoint, startedMs);
    console.log(`antiphon: ready (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    onStarted?.(stack);
    if (options.check) return understood ? 0 : 1;
    return await Promise.race([stop.then(() => 0), givenUp(stack)]);
  } finally {
    console.log('antiphon: stopping');
    await stack.stop();
    ports.release();
    removeRunFile(options.dataFolder);
  }

  async function begin(starting: Stack, api: string, apiKey: string, { dataFolder }: UpOptions): Promise<boolean> {
    await Promise.race([starting.start(), givenUp(starting)]);
    run(ready);
    const spoken = await speakFirstSentence(api, apiKey, join(dataFolder, 'first-sentence.wav'));
    sayFirstSentence(spoken);
    return wasUnderstood(spoken.transcript);
  }
}

/** What is known of a stack before its parts are planned. */
const comingUp = (port: number): RunFile => ({
  ready: false,
  api: `http://127.0.0.1:${port}`,
  apiKey: '',
  adminKey: '',
  license: '',
  nats: '',
  natsMonitoring: '',
  metrics: {},
  pids: { launcher: process.pid },
});

/** Two stacks may run side by side, but not on one data folder; what a killed launcher left behind is stopped first. */
async function makeWay(dataFolder: string): Promise<void> {
  const other = readRunFile(dataFolder);
  if (!other) return;
  const launcher = survivorsOf(other).find(({ part }) => part === 'launcher');
  if (launcher && launcher.pid !== process.pid) {
    throw new ProblemError('bad_request', {
      detail: `A stack already runs on ${dataFolder} (process ${launcher.pid}): stop it with npm run down, or choose another folder with --data.`,
    });
  }
  await stopLeftovers(other, leftoversTimeoutMs);
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP. npm passes on a Ctrl-C that the terminal sent already: later ones change nothing. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
}

/** Rejects with one line when a part keeps dying. */
function givenUp(stack: Stack): Promise<never> {
  return new Promise((_, reject) => {
    stack.once('failed', (line) => reject(new ProblemError('internal', { detail: line })));
  });
}
