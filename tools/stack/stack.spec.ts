import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PartSpec } from './part';
import { PortBook } from './ports';
import { Stack } from './stack';

let folder: string;
let ports: PortBook;
let stack: Stack;

/** A part that only says that it is ready. */
async function part(name: string): Promise<PartSpec> {
  const port = await ports.take(21_000);
  return {
    name,
    command: process.execPath,
    args: ['-e', `require('node:http').createServer((_, response) => response.end()).listen(${port}, '127.0.0.1')`],
    env: {},
    logFile: join(folder, `${name}.log`),
    readyUrl: `http://127.0.0.1:${port}/`,
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'antiphon-stack-'));
  ports = new PortBook(join(folder, 'ports'));
  stack = new Stack({
    nats: await part('nats'),
    license: await part('license'),
    gateway: await part('gateway'),
    workers: [],
    prometheus: await part('prometheus'),
    addresses: { api: '', license: '', nats: '', natsMonitoring: '', metrics: {} },
  });
  await stack.start();
}, 60_000);
afterEach(async () => {
  await stack.stop();
  ports.release();
  rmSync(folder, { recursive: true });
});

async function line(matching: RegExp): Promise<void> {
  const lines = on(stack, 'line', { signal: AbortSignal.timeout(50_000) }) as AsyncIterable<[string]>;
  for await (const [said] of lines) if (matching.test(said)) return;
}

/** Ends a part and lets it come back, twice; then ends it once more. */
async function killThrice(name: string): Promise<void> {
  const kill = (): void => void process.kill(stack.pids()[name] ?? 0, 'SIGKILL');
  for (let death = 1; death < 3; death += 1) {
    const back = line(/is back$/);
    kill();
    await back;
  }
  kill();
}

it('gives up when a part of the system keeps dying', async () => {
  const failed = once(stack, 'failed');
  await killThrice('gateway');
  expect(String((await failed)[0])).toMatch(/^gateway killed by SIGKILL, 3 times/);
}, 60_000);

it('goes on when the Prometheus that watches it keeps dying', async () => {
  let hasFailed = false;
  stack.once('failed', () => (hasFailed = true));
  const said = line(/^prometheus killed by SIGKILL, 3 times/);
  await killThrice('prometheus');
  await said;
  expect(hasFailed).toBe(false);
  expect(Object.keys(stack.pids()).sort()).toEqual(['gateway', 'license', 'nats']);
}, 60_000);
