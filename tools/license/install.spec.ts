import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { main } from '../license';

const license = { id: 'lic-2', holder: 'Example Ltd', expires: '2027-07-01T00:00:00.000Z' };
let server: Server;
let folder: string;
let asked: unknown[];
let answer: { status: number; body: object };
let said: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'antiphon-install-'));
  writeFileSync(join(folder, 'renewed.jwt'), 'a.b.c\n');
  [asked, said] = [[], []];
  answer = { status: 200, body: { license, inForce: true } };
  server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const { method, url, headers } = request;
      asked.push([`${method} ${url}`, headers.authorization, JSON.parse(body)]);
      response.writeHead(answer.status, { connection: 'close' }).end(JSON.stringify(answer.body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
});
afterEach(() => {
  jest.restoreAllMocks();
  server.close();
  rmSync(folder, { recursive: true });
});

const install = (...names: string[]): Promise<number> => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return main(['install', ...names, '--url', url, '--key', 'sk_admin'], folder);
};

it('sends the document with the admin key and says that it is in force', async () => {
  expect(await install('renewed.jwt')).toBe(0);
  expect(asked).toEqual([['POST /license', 'Bearer sk_admin', { license: 'a.b.c' }]]);
  expect(said.join('\n')).toBe(
    'Installed the licence lic-2 of Example Ltd, which expires at 2027-07-01T00:00:00.000Z.\nIt is in force.',
  );
});

it('says from when a renewal will be in force', async () => {
  answer.body = { license, inForce: false, inForceFrom: '2026-12-01T00:00:00.000Z' };
  expect(await install('renewed.jwt')).toBe(0);
  expect(said.at(-1)).toBe('It will be in force from 2026-12-01T00:00:00.000Z.');
});

it('prints the refusal of the license app', async () => {
  const message = 'The licence lic-3 is newer, issued at 2026-06-01T00:00:00.000Z. It stays in force.';
  answer = { status: 409, body: { error_code: 'license_conflict', message } };
  expect(await install('renewed.jwt')).toBe(1);
  expect(said.join('\n')).toContain(`409 license_conflict: ${message}`);
});

it.each([[[]], [['renewed.jwt', 'other.jwt']], [['absent.jwt']]])(
  'needs one file that is there, not %j',
  async (names) => {
    expect(await install(...names)).toBe(1);
    expect(asked).toEqual([]);
  },
);
