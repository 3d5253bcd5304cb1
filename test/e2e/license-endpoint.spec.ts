import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditHash, auditRecord, signLicense } from '@app/licensing';
import { writeIssuerKeys } from '../../tools/license/keys';
import { holderFolder } from '../../tools/license/vendor/vendor-folder';
import { PortBook } from '../../tools/stack/ports';
import { issuer, license } from '../support/license-endpoint';
import { until } from '../support/until';

const entry = join(__dirname, '../../dist/tools/license/vendor/main.js');
const kills = 8;

let folder: string;
let ports: PortBook;
let url: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'license-endpoint-'));
  writeIssuerKeys(issuer, join(folder, 'issuer-private.pem'), join(folder, 'issuer-public.pem'));
  ports = new PortBook();
  url = `http://127.0.0.1:${await ports.take(18_443)}`;
});
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) await end('SIGKILL');
  ports.release();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  const options = ['--folder', folder, '--port', new URL(url).port];
  child = spawn(process.execPath, [entry, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(() =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function end(signal: NodeJS.Signals): Promise<unknown> {
  const exit = once(child!, 'exit');
  child?.kill(signal);
  return (await exit)[0];
}

/** The number that the endpoint acknowledges; undefined where it was killed before it answered. */
async function forward(records: readonly Uint8Array[]): Promise<number | undefined> {
  const caller = {
    protocol: 1,
    license: await signLicense(license, issuer),
    deployment: 'prod-1',
    at: new Date().toISOString(),
  };
  const body = JSON.stringify({ ...caller, records: records.map((record) => Buffer.from(record).toString()) });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/audit`, { method: 'POST', headers, body })
    .then(async (response) => ({ status: response.status, text: await response.text() }))
    .catch(() => undefined);
  if (answer === undefined) return undefined;
  expect(answer.status).toBe(200);
  return (JSON.parse(answer.text) as { acknowledged: number }).acknowledged;
}

const auditFile = (): string => join(folder, 'holders', holderFolder(license.sub), 'prod-1', 'audit.jsonl');
const storedBytes = (): number => statSync(auditFile(), { throwIfNoEntry: false })?.size ?? 0;

function stored(): Buffer[] {
  const text = readFileSync(auditFile(), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Buffer.from(line));
}

it('keeps every acknowledged audit record, once, however often it is killed', async () => {
  const records: Uint8Array[] = [];
  const facts = { note: 'x'.repeat(10_000) };
  for (let seq = 1; seq <= 1_000; seq += 1) {
    records.push(auditRecord(records.at(-1), { at: '2026-11-29T09:30:00.000Z', type: 'test', facts }));
  }
  let [acknowledged, killed] = [0, 0];
  await start();
  while (acknowledged < records.length) {
    const answer = forward(records.slice(acknowledged, acknowledged + 100));
    if (killed < kills) {
      // While the request arrives, and every second time after the write, with or without the answer.
      const before = storedBytes();
      let answered = false;
      void answer.then(() => (answered = true));
      const waits = (turn: number): boolean =>
        killed % 2 === 0 ? turn < killed * 5 : !answered && storedBytes() === before;
      for (let turn = 0; waits(turn); turn += 1) await new Promise((resolve) => setImmediate(resolve));
      killed += 1;
      await end('SIGKILL');
      acknowledged = Math.max(acknowledged, (await answer) ?? 0);
      await start();
    } else acknowledged = (await answer) ?? 0;
  }
  expect(await end('SIGTERM')).toBe(0);
  expect(stored().map(auditHash)).toEqual(records.map(auditHash));
});
