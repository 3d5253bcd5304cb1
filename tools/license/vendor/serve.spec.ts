import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditRecord, defaultGrace, signLicense, verifyLease, type Lease, type License } from '@app/licensing';
import { Log } from '@app/platform';
import { main } from '../../license';
import { writeIssuerKeys } from '../keys';
import { startEndpoint, type RunningEndpoint } from './serve';
import { holderFolder } from './vendor-folder';

const issuer = generateKeyPairSync('ed25519').privateKey;
const at = '2026-11-29T12:00:00.000Z';
const license: License = {
  jti: 'lic-1',
  sub: 'Example Ltd',
  deployment: 'prod-1',
  features: ['tts'],
  limits: {},
  iat: 1_790_000_000,
  nbf: 1_790_000_000,
  exp: 1_800_000_000,
  grace: defaultGrace,
};
let folder: string;
let lines: string[];
let nowMs: number;
let endpoint: RunningEndpoint;

const start = (): Promise<RunningEndpoint> =>
  startEndpoint(
    { folder, host: '127.0.0.1', port: 0, leaseSeconds: 3_600, checkInSeconds: 60 },
    {
      log: Log.create('test', 'info', { write: (line) => void lines.push(line) }),
      nowMs: () => nowMs,
      bodyTimes: { idleMs: 300, totalMs: 900 },
    },
  );

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'license-endpoint-'));
  lines = [];
  nowMs = Date.parse(at);
  jest.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  jest.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line)));
  writeIssuerKeys(issuer, join(folder, 'issuer-private.pem'), join(folder, 'issuer-public.pem'));
  endpoint = await start();
});
afterEach(async () => {
  await endpoint.close();
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const signed = (change: Partial<License> = {}, key = issuer): Promise<string> =>
  signLicense({ ...license, ...change }, key);
const caller = async (change: object = {}): Promise<object> => ({
  protocol: 1,
  license: await signed(),
  deployment: 'prod-1',
  at,
  ...change,
});
const checkInBody = (change: object = {}): Promise<object> => caller({ version: '0.1.0', state: 'active', ...change });

async function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${endpoint.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

async function lease(change: object = {}): Promise<Lease> {
  const { body } = await post('/v1/check-in', await checkInBody(change));
  return (await verifyLease(String(body.lease), { keys: [createPublicKey(issuer)], deployment: 'prod-1' })).payload;
}

const stored = (...path: string[]): string =>
  readFileSync(join(folder, 'holders', holderFolder('Example Ltd'), 'prod-1', ...path), 'utf8');
const nothingStored = (): void => expect(readdirSync(folder)).not.toContain('holders');

describe('a check-in', () => {
  it('is answered with a lease by the clock of the endpoint, and noted', async () => {
    const { jti, ...rest } = await lease({ auditKeyId: '0123456789abcdef' });
    const iat = Date.parse(at) / 1_000;
    expect(rest).toEqual({ license: 'lic-1', deployment: 'prod-1', iat, exp: iat + 3_600, checkInSeconds: 60 });
    expect(JSON.parse(stored('check-in.json'))).toEqual({
      license: 'lic-1',
      holder: 'Example Ltd',
      deployment: 'prod-1',
      receivedAt: at,
      version: '0.1.0',
      state: 'active',
      auditKeyId: '0123456789abcdef',
      lease: jti,
      leaseEnds: '2026-11-29T13:00:00Z',
      checkInSeconds: 60,
      revoked: false,
    });
  });

  it('logs one line with its ids and never the licence', async () => {
    await lease();
    await post('/v1/check-in', await checkInBody({ state: 'asleep' }));
    await post('/v1/check-in', await checkInBody({ deployment: 'prod-2' }));
    const text = await signed();
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      msg: 'check-in',
      license: 'lic-1',
      deployment: 'prod-1',
      state: 'active',
      leaseEnds: '2026-11-29T13:00:00Z',
    });
    for (const part of text.split('.').slice(1)) expect(lines.join('')).not.toContain(part);
  });

  it.each<[string, () => Promise<object>, number, string, RegExp]>([
    [
      'of another issuer',
      async () => ({ license: await signed({}, generateKeyPairSync('ed25519').privateKey) }),
      400,
      'license_invalid',
      /which is not among the trusted ones/,
    ],
    [
      'that was tampered with',
      async () => {
        const [header, , signature] = (await signed()).split('.');
        const payload = Buffer.from(JSON.stringify({ ...license, exp: license.exp + 1 })).toString('base64url');
        return { license: [header, payload, signature].join('.') };
      },
      400,
      'license_invalid',
      /changed after it was issued/,
    ],
    [
      'whose grace period is over',
      async () => ({ license: await signed({ exp: Date.parse(at) / 1_000 - 14 * 86_400 }) }),
      402,
      'license_expired',
      /grace period of the licence lic-1 ended at 2026-11-29T12:00:00Z/,
    ],
    [
      'of another deployment',
      async () => ({ license: await signed({ deployment: 'prod-2' }) }),
      400,
      'license_invalid',
      /for the deployment prod-2/,
    ],
    [
      'from the future',
      async () => ({ license: await signed({ iat: 1_799_000_000 }) }),
      400,
      'license_invalid',
      /future/,
    ],
    ['that is none', () => Promise.resolve({ license: 'x' }), 400, 'license_invalid', /not a compact JWS/],
  ])('with a licence %s gets its reason, and nothing is stored', async (_what, change, status, code, reason) => {
    const answer = await post('/v1/check-in', await checkInBody(await change()));
    expect(answer).toEqual({
      status,
      body: {
        error_code: code,
        title: expect.any(String),
        message: expect.stringMatching(reason),
        request_id: expect.any(String),
      },
    });
    nothingStored();
  });

  it('is answered in the grace period of an expiry', async () => {
    expect((await lease({ license: await signed({ exp: Date.parse(at) / 1_000 - 14 * 86_400 + 1 }) })).license).toBe(
      'lic-1',
    );
  });

  it('is answered for licences of keys in trusted.pem', async () => {
    const older = generateKeyPairSync('ed25519').privateKey;
    writeFileSync(join(folder, 'trusted.pem'), createPublicKey(older).export({ type: 'spki', format: 'pem' }));
    await endpoint.close();
    endpoint = await start();
    expect((await lease({ license: await signed({}, older) })).license).toBe('lic-1');
  });

  it('is answered where the endpoint cannot note it', async () => {
    writeFileSync(join(folder, 'holders'), 'no folder');
    expect((await lease()).license).toBe('lic-1');
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', msg: 'check-in not stored' });
    rmSync(join(folder, 'holders'));
  });
});

describe('npm run license -- revoke', () => {
  const revoke = (...args: string[]): Promise<number> => main(['revoke', ...args, '--folder', folder], folder);

  it('takes effect at the next check-in, and so does --undo', async () => {
    expect((await lease()).revoked).toBeUndefined();
    expect(await revoke('lic-1')).toBe(0);
    expect((await lease()).revoked).toBe(true);
    expect(JSON.parse(stored('check-in.json'))).toMatchObject({ revoked: true });
    expect(await revoke('lic-1', '--undo')).toBe(0);
    expect((await lease()).revoked).toBeUndefined();
    expect(await revoke('lic-1', '--undo')).toBe(1);
  });

  it('says where no licence with this id is known', async () => {
    await lease();
    lines.splice(0);
    expect(await revoke('lic-1')).toBe(0);
    expect(await revoke('lic-1')).toBe(0);
    expect(await revoke('lic-l')).toBe(0);
    expect(lines).toEqual([
      'lic-1 is revoked, from its next check-in on.',
      'lic-1 was revoked before.',
      'lic-l is revoked, from its next check-in on.',
      'No licence with this id has checked in. Check the id for typing errors.',
    ]);
  });

  it.each(['../lic-1', '.', '', 'a/b', 'a'.repeat(65)])('refuses the id %j', async (id) => {
    expect(await revoke(id)).toBe(1);
    expect(readdirSync(join(folder, 'revoked'))).toEqual([]);
  });

  it('refuses a folder that is not there', async () => {
    expect(await main(['revoke', 'lic-1', '--folder', join(folder, 'absent')], folder)).toBe(1);
    expect(readdirSync(folder)).not.toContain('absent');
  });
});

describe('a renewal in the folder licenses', () => {
  const renewal = { jti: 'lic-2', iat: license.iat + 1, exp: license.exp + 1 };
  const offer = async (name: string, change: Partial<License>, key = issuer): Promise<string> => {
    const text = await signed({ ...renewal, ...change }, key);
    mkdirSync(join(folder, 'licenses'), { recursive: true });
    writeFileSync(join(folder, 'licenses', name), `${text}\n`);
    return text;
  };

  it('reaches the deployment with its next check-in, the newest of several', async () => {
    expect((await lease()).latestLicense).toBeUndefined();
    await offer('a.jwt', {});
    const newest = await offer('b.jwt', { jti: 'lic-3', iat: renewal.iat + 1 });
    await offer('c.jwt', { jti: 'lic-4' });
    expect((await lease()).latestLicense).toBe(newest);
    expect(JSON.parse(stored('check-in.json'))).toMatchObject({ latestLicense: 'lic-3' });
    expect((await lease({ license: newest })).latestLicense).toBeUndefined();
  });

  it('is read again when its file was replaced', async () => {
    await offer('a.jwt', { sub: 'Someone else' });
    expect((await lease()).latestLicense).toBeUndefined();
    const text = await offer('a.jwt', {});
    expect((await lease()).latestLicense).toBe(text);
  });

  it.each<[string, Partial<License>]>([
    ['of another holder', { sub: 'Other Ltd' }],
    ['of another deployment', { deployment: 'prod-2' }],
    ['that is older', { iat: license.iat - 1 }],
  ])('%s is not offered', async (_what, change) => {
    await offer('a.jwt', change);
    expect((await lease()).latestLicense).toBeUndefined();
  });

  it('of another issuer is not offered, which the log says once', async () => {
    await offer('a.jwt', {}, generateKeyPairSync('ed25519').privateKey);
    await lease();
    expect((await lease()).latestLicense).toBeUndefined();
    expect(lines.filter((line) => line.includes('is not offered'))).toHaveLength(1);
  });

  it('is not offered to a revoked licence, nor when it is revoked itself', async () => {
    await offer('a.jwt', {});
    await main(['revoke', 'lic-1', '--folder', folder], folder);
    expect(await lease()).toMatchObject({ revoked: true });
    expect((await lease()).latestLicense).toBeUndefined();
    await main(['revoke', 'lic-1', '--undo', '--folder', folder], folder);
    await main(['revoke', 'lic-2', '--folder', folder], folder);
    expect((await lease()).latestLicense).toBeUndefined();
  });
});

describe('telemetry', () => {
  const row = { model: 'piper', kind: 'tts', requests: 2, characters: 24, audioSamples: 44_100, sampleRateHz: 22_050 };
  const send = async (change: object): Promise<number> =>
    (await post('/v1/telemetry', await caller({ month: '2026-11', rows: [row], ...change }))).status;

  it('replaces an earlier report on the same month', async () => {
    expect(await send({})).toBe(204);
    expect(await send({ rows: [{ ...row, requests: 3 }] })).toBe(204);
    expect(await send({ month: '2026-10', rows: [] })).toBe(204);
    expect(JSON.parse(stored('telemetry', '2026-11.json'))).toEqual({
      license: 'lic-1',
      receivedAt: at,
      month: '2026-11',
      rows: [{ ...row, requests: 3 }],
    });
    expect(JSON.parse(stored('telemetry', '2026-10.json'))).toMatchObject({ rows: [] });
  });

  it('of a renewed licence replaces that of the licence before', async () => {
    await send({});
    expect(await send({ license: await signed({ jti: 'lic-2' }) })).toBe(204);
    expect(JSON.parse(stored('telemetry', '2026-11.json'))).toMatchObject({ license: 'lic-2' });
  });

  it('of a new month is taken from a clock that is ahead by less than a day', async () => {
    nowMs = Date.parse('2026-11-30T00:00:00Z');
    expect(await send({ month: '2026-12' })).toBe(204);
  });

  it.each([
    { month: '2026-12' },
    { month: '2023-10' },
    { month: '2026-13' },
    { month: '../../2026-11' },
    { rows: {} },
    { rows: [{ ...row, requests: -1 }] },
    { rows: [{ ...row, sampleRateHz: 0 }] },
    { rows: ['row'] },
    { license: 5 },
    { protocol: 2 },
    { at: 'yesterday' },
  ])('is refused with %j', async (change) => {
    expect(await send(change)).toBe(400);
    nothingStored();
  });
});

describe('the audit log', () => {
  const first = Buffer.from(auditRecord(undefined, { at, type: 'key_created', facts: { keyId: 'alice' } }));
  const second = Buffer.from(auditRecord(first, { at, type: 'key_created', facts: { keyId: 'bob' } }));
  const forward = async (records: readonly Buffer[], change: object = {}) =>
    post('/v1/audit', await caller({ records: records.map(String), ...change }));

  it('is stored as it was sent, and goes on under a renewed licence', async () => {
    expect(await forward([first])).toEqual({ status: 200, body: { acknowledged: 1 } });
    const renewed = { license: await signed({ jti: 'lic-2' }) };
    expect(await forward([second], renewed)).toEqual({ status: 200, body: { acknowledged: 2 } });
    expect(stored('audit.jsonl')).toBe(`${String(first)}\n${String(second)}\n`);
  });

  it('is stored once where many requests bring the same at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => forward([first, second])));
    expect(answers.every(({ body }) => body.acknowledged === 2)).toBe(true);
    expect(stored('audit.jsonl')).toBe(`${String(first)}\n${String(second)}\n`);
  });

  it('of deployments is kept apart', async () => {
    const any = { license: await signed({ deployment: undefined as never }) };
    for (const deployment of ['a', 'b', undefined]) {
      expect((await forward([first], { ...any, deployment })).body).toEqual({ acknowledged: 1 });
    }
    expect(readdirSync(join(folder, 'holders', holderFolder('Example Ltd'))).sort()).toEqual(['@unnamed', 'a', 'b']);
  });

  it('with other bytes is refused with 409', async () => {
    await forward([first, second]);
    const other = Buffer.from(auditRecord(first, { at, type: 'other' }));
    expect(await forward([other])).toMatchObject({ status: 409, body: { error_code: 'audit_conflict' } });
  });
});

describe('hostile requests', () => {
  it.each(['../prod-1', '..', '.', 'a/b', 'a\\b', 'a\u0000b', '@unnamed', '', 'ü', 'a'.repeat(65), 5, ['a'], {}])(
    'with the deployment %j are refused',
    async (deployment) => {
      const answer = await post('/v1/check-in', await checkInBody({ license: await signed({}), deployment }));
      expect(answer).toMatchObject({ status: 400, body: { error_code: 'bad_request' } });
      nothingStored();
    },
  );

  it.each([
    ['deep JSON', '['.repeat(100_000), /at most 8 levels of nesting/],
    ['many fields', `{${'"a":1,'.repeat(20_001)}"b":1}`, /at most 20000 fields/],
    ['no JSON', '{', /Send valid JSON/],
    ['no object', '[]', /Send a JSON object/],
    ['null', 'null', /Send a JSON object/],
    ['nothing', '{}', /license must be/],
  ])('with %s are refused', async (_what, body, reason) => {
    const answer = await post('/v1/audit', body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(reason);
  });

  it('with more than 2 MiB are refused, and the endpoint goes on', async () => {
    const answer = await post('/v1/audit', ' '.repeat(2 * 1_024 * 1_024 + 1));
    expect(answer).toMatchObject({ status: 413, body: { error_code: 'too_large' } });
    expect((await lease()).license).toBe('lic-1');
  });

  it('of other types, methods and paths are refused', async () => {
    const statusOf = async (path: string, init: RequestInit): Promise<number> =>
      (await fetch(`${endpoint.url}${path}`, init)).status;
    const headers = { 'content-type': 'application/json' };
    expect(await statusOf('/v1/check-in', { method: 'POST', body: '{}' })).toBe(415);
    const gzip = { ...headers, 'content-encoding': 'gzip' };
    expect(await statusOf('/v1/check-in', { method: 'POST', headers: gzip, body: '{}' })).toBe(415);
    expect(await statusOf('/v1/check-in', {})).toBe(404);
    expect(await statusOf('/v1/lease', { method: 'POST', headers, body: '{}' })).toBe(404);
    expect(await statusOf('/constructor', { method: 'POST', headers, body: '{}' })).toBe(404);
    expect(await statusOf('/healthz', {})).toBe(200);
  });

  /** Sends bytes and resolves to what the endpoint sent until it closed the connection. */
  const sent = (bytes: string | Buffer): Promise<string> =>
    new Promise((resolve, reject) => {
      const answer: Buffer[] = [];
      const socket = connect(Number(new URL(endpoint.url).port), '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => answer.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(answer).toString()));
      socket.on('error', reject);
    });
  const head = (length: number): string =>
    `POST /v1/check-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

  it('whose body does not arrive are ended with 408', async () => {
    expect(await sent(`${head(100)}{"protocol"`)).toMatch(/^HTTP\/1\.1 408 [\s\S]*"error_code":"request_timeout"/);
  });

  it('that announce too much are ended before they are read', async () => {
    expect(await sent(`${head(2 ** 31)}{`)).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*"too_large"/i);
  });

  it('with text that is not UTF-8 are refused', async () => {
    const answer = sent(
      Buffer.concat([Buffer.from(head(1).replace('Host', 'Connection: close\r\nHost')), Buffer.of(0xff)]),
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*Send JSON in UTF-8/);
  });
});

describe('a start', () => {
  it('on a folder that another endpoint serves is refused', async () => {
    await expect(start()).rejects.toThrow(/serves this folder\. Stop it first/);
    await endpoint.close();
    endpoint = await start();
  });

  it('on a folder whose endpoint was killed goes on', async () => {
    await endpoint.close();
    // Above the highest process id of Linux.
    writeFileSync(join(folder, 'serve.lock'), `${2 ** 22 + 1} ${(await import('node:os')).hostname()} x\n`);
    endpoint = await start();
    expect(readFileSync(join(folder, 'serve.lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it.each([
    [['--port', '8443'], /--folder is missing/],
    [['--folder', 'absent'], /absent\/issuer-private\.pem does not exist\. Make the keys .*npm run license -- keys/],
    [['--folder', '.', '--tls-cert', 'cert.pem'], /--tls-cert and --tls-key/],
    [['--folder', '.', '--port', '70000'], /--port takes a whole number from 0 to 65535/],
    [['--folder', '.', '--lease-hours', '1', '--check-in-seconds', '3600'], /must be less than the length of a lease/],
  ])('with %j says what to do', async (options, reason) => {
    expect(await main(['serve', ...options], folder)).toBe(1);
    expect(lines.join('\n')).toMatch(reason);
    expect(readdirSync(folder)).not.toContain('absent');
  });

  it('with a key that is not Ed25519 is refused', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(createPrivateKey(key).asymmetricKeyType).toBe('ec');
    writeFileSync(join(folder, 'ec.pem'), key);
    expect(await main(['serve', '--folder', folder, '--key', join(folder, 'ec.pem')], folder)).toBe(1);
    expect(lines.join('\n')).toMatch(/is not an Ed25519 key/);
  });
});
