import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../license';
import { writeRunFile } from '../stack/run-file';

interface Asked {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

const key = 'sk_antiphon_new';
const view = { id: 'client', state: 'active', createdAt: '2026-06-01T12:00:00.000Z', inSeedFile: false };
let server: Server;
let url: string;
let folder: string;
let asked: Asked[];
let answer: { status: number; body: object };
let said: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'antiphon-key-command-'));
  [asked, said] = [[], []];
  answer = { status: 200, body: { ...view, key } };
  server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      asked.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization, body });
      response.writeHead(answer.status, { connection: 'close' }).end(JSON.stringify(answer.body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const say = (line: unknown): void => void said.push(String(line));
  jest.spyOn(console, 'log').mockImplementation(say);
  jest.spyOn(console, 'error').mockImplementation(say);
});
afterEach(() => {
  jest.restoreAllMocks();
  server.close();
  rmSync(folder, { recursive: true });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

const run = (...args: string[]): Promise<number> => main(['key', ...args, '--url', url, '--key', 'sk_admin'], folder);

it('creates a key with its limits and prints it on a line of its own', async () => {
  const limits = ['--scopes', 'tts, stt', '--max-concurrent', '2', '--monthly-characters', '1000'];
  const more = ['--monthly-audio-seconds', '60', '--expires', '2027-01-31'];
  expect(await run('create', 'client', ...limits, ...more)).toBe(0);
  expect(asked).toEqual([
    {
      line: 'POST /keys',
      authorization: 'Bearer sk_admin',
      body: {
        id: 'client',
        scopes: ['tts', 'stt'],
        maxConcurrent: 2,
        monthlyCharacters: 1000,
        monthlyAudioSeconds: 60,
        expiresAt: '2027-01-31',
      },
    },
  ]);
  expect(said).toEqual([`Created the API key client. It is shown only now:\n${key}`]);
});

it('rotates with an overlap of 24 hours, or another one', async () => {
  answer.body = { ...view, key, previousValidUntil: '2026-06-02T12:00:00.000Z' };
  expect(await run('rotate', 'client')).toBe(0);
  answer.body = { ...view, key };
  expect(await run('rotate', 'client', '--overlap', '0s')).toBe(0);
  expect(asked.map(({ line, body }) => [line, body])).toEqual([
    ['POST /keys/client/rotate', { overlapSeconds: 86_400 }],
    ['POST /keys/client/rotate', { overlapSeconds: 0 }],
  ]);
  expect(said[0]).toContain('The old key is valid until 2026-06-02T12:00:00.000Z.');
  expect(said[1]).toContain('The old key has ended.');
});

it('revokes, and says what to do about a key of the file of the first keys', async () => {
  answer.body = { ...view, state: 'revoked', revokedAt: '2026-06-01T13:00:00.000Z', inSeedFile: true };
  expect(await run('revoke', 'client')).toBe(0);
  expect(asked).toMatchObject([{ line: 'POST /keys/client/revoke', body: undefined }]);
  expect(said.join('\n')).toContain('Add "revokedAt": "2026-06-01T13:00:00.000Z" to its entry there.');
});

it('lists keys as a table, or as JSON', async () => {
  answer.body = {
    keys: [
      { ...view, scopes: ['tts'], maxConcurrent: 2 },
      { id: 'x', state: 'revoked', inSeedFile: true },
    ],
  };
  expect(await run('list')).toBe(0);
  expect(said[0]?.split('\n')).toEqual([
    'ID      STATE    SCOPES   LIMITS     DATES',
    'client  active   tts      2 at once  created 2026-06-01T12:00:00.000Z',
    'x       revoked  licence  -          -',
  ]);
  expect(await run('list', '--json')).toBe(0);
  expect(JSON.parse(said[1] ?? '')).toEqual(answer.body);
});

it('lists how much of the monthly limits is used, where the license app knows it', async () => {
  const limits = { monthlyCharacters: 5_000, monthlyAudioSeconds: 600 };
  answer.body = {
    keys: [
      { id: 'a', state: 'active', ...limits, usedCharacters: 1_200, usedAudioSeconds: 0.5 },
      { id: 'b', state: 'active', ...limits },
      { id: 'c', state: 'active', usedCharacters: 7, usedAudioSeconds: 0 },
    ],
  };
  expect(await run('list')).toBe(0);
  expect(said[0]?.split('\n').map((line) => line.slice(21))).toEqual([
    'LIMITS                                                    DATES',
    '1200 of 5000 characters/month, 1 of 600 s of audio/month  -',
    '5000 characters/month, 600 s of audio/month               -',
    '-                                                         -',
  ]);
});

it('finds address and admin key of a stack in its data folder', async () => {
  const parts = { nats: '', natsMonitoring: '', metrics: {}, pids: {} };
  writeRunFile(folder, { ready: true, api: '', apiKey: 'sk_speech', adminKey: 'sk_of_stack', license: url, ...parts });
  answer.body = { keys: [] };
  expect(await main(['key', 'list', '--data', folder], '/nowhere')).toBe(0);
  expect(asked).toMatchObject([{ line: 'GET /keys', authorization: 'Bearer sk_of_stack' }]);
});

it('fails with the message of the license app, and never with a key', async () => {
  answer = { status: 403, body: { error_code: 'scope_missing', message: 'Use an API key that has the scope admin.' } };
  expect(await run('list')).toBe(1);
  expect(said).toEqual(['403 scope_missing: Use an API key that has the scope admin.']);
});

it.each([
  [['create'], /^key create needs the id of a key\.$/],
  [['paint', 'client'], /^Unknown command: key paint\.$/],
  [['rotate', 'client', '--overlap', '24'], /^--overlap takes a number with s, m, h or d/],
  [['create', 'client', '--max-concurrent', '0'], /^--max-concurrent takes a whole number from 1 on\.$/],
  [['list', '--colour'], /^Unknown option '--colour'/],
])('refuses %p in one line and asks nothing', async (args, reason) => {
  expect(await run(...args)).toBe(1);
  expect(said).toEqual([expect.stringMatching(reason)]);
  expect(asked).toEqual([]);
});

it('says that nothing runs, or that the admin key is missing', async () => {
  expect(await main(['key', 'list', '--data', folder], folder)).toBe(1);
  expect(await main(['key', 'list', '--url', url], folder)).toBe(1);
  expect(said).toEqual([
    expect.stringContaining(`Nothing runs on ${folder}`),
    expect.stringContaining('--url needs an admin key'),
  ]);
});
