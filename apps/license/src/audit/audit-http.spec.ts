import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { hashApiKey, makeApiKey, readArchive, readAuditRecord } from '@app/licensing';
import { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { secondsOf, testLicense } from '../../../../test/support/test-license';
import { until } from '../../../../test/support/until';
import { startTestApp, type TestApp } from '../../test/support/test-app';
import { ServiceStanding } from '../service-standing';
import { memoryAuditLogs } from './testing';

const [adminKey, speechKey] = [makeApiKey(), makeApiKey()];
const license = testLicense({ exp: secondsOf('2100-01-01') });

let made: ReturnType<typeof memoryAuditLogs>;
let app: NestFastifyApplication;
let testApp: TestApp;
let full: boolean;

beforeEach(async () => {
  full = false;
  const log = Log.create('license', 'info', { write: () => undefined });
  const seeds = [
    { id: 'operator', sha256: hashApiKey(adminKey), scopes: ['admin'] },
    { id: 'speech', sha256: hashApiKey(speechKey) },
  ];
  made = memoryAuditLogs(log, { roundMs: 5 });
  const { audit } = made;
  testApp = await startTestApp({ standing: new ServiceStanding('airgapped', [license]), log, seeds, audit });
  ({ app } = testApp);
  const state = made.logs.audit.state.bind(made.logs.audit);
  jest
    .spyOn(made.logs.audit, 'state')
    .mockImplementation(async () => ({ ...(await state()), ...(full && { bytes: 99, maxBytes: 100 }) }));
  await audit.start();
  await until(() => audit.keyId !== undefined);
});
afterEach(() => testApp.stop());

const call = async (method: 'GET' | 'POST', url: string, payload?: object, key = adminKey) => {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
  return { status: answer.statusCode, headers: answer.headers, raw: answer.rawPayload, text: answer.body };
};
const authorize = (key = speechKey) => call('POST', '/authorize', { key, feature: 'tts', requestId: 'r' });
const codeOf = ({ text }: { text: string }): unknown => (JSON.parse(text) as { error_code?: unknown }).error_code;
const events = () =>
  made.stores.audit.records
    .flatMap(({ payload }) => readAuditRecord(payload) ?? [])
    .map(({ type, keyId, by }) => ({ type, keyId, by }));

it('records that keys were created, rotated and revoked, and by whom, without the key', async () => {
  const created = await call('POST', '/keys', { id: 'client' });
  await call('POST', '/keys/client/rotate', {});
  await call('POST', '/keys/client/revoke');
  for (const type of ['key_created', 'key_rotated', 'key_revoked']) {
    expect(events()).toContainEqual({ type, keyId: 'client', by: 'operator' });
  }
  const { key } = JSON.parse(created.text) as { key: string };
  const log = made.stores.audit.records.map(({ payload }) => Buffer.from(payload).toString('utf8')).join('\n');
  for (const secret of [key, hashApiKey(key), adminKey]) expect(log).not.toContain(secret);
});

it.each([
  ['created', '/keys', { id: 'client' }, 201],
  ['rotated', '/keys/speech/rotate', {}, 200],
])('shows a %s key once its record is in the log, and not before', async (_, url, body, status) => {
  const chain = made.logs.audit.chain.bind(made.logs.audit);
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  jest.spyOn(made.logs.audit, 'chain').mockImplementation((...link) => opened.then(() => chain(...link)));
  const shown = jest.fn();
  const answered = call('POST', url, body);
  void answered.then(shown);
  await until(() => made.audit.writer.size > 0);
  // An answer that did not wait for the record would be there before this one.
  await authorize();
  expect(shown).not.toHaveBeenCalled();
  open();
  expect((await answered).status).toBe(status);
});

it('refuses new requests and new keys while the log is full, and revokes keys all the same', async () => {
  full = true;
  await until(async () => (await authorize()).status === 503);
  expect(codeOf(await authorize())).toBe('audit_log_full');
  expect(codeOf(await authorize(makeApiKey()))).toBe('key_unknown');
  expect(codeOf(await call('POST', '/keys', { id: 'client' }))).toBe('audit_log_full');
  expect(codeOf(await call('POST', '/keys/speech/rotate', {}))).toBe('audit_log_full');
  expect((await call('POST', '/keys/speech/revoke')).status).toBe(200);
  expect((await authorize()).status).toBe(401);
  full = false;
  await until(async () => (await call('POST', '/keys', { id: 'client' })).status === 201);
});

it('gives an admin key, and no other, the export as a tar', async () => {
  expect((await call('GET', '/audit', undefined, speechKey)).status).toBe(403);
  const { status, headers, raw } = await call('GET', '/audit');
  expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'application/x-tar', 'no-store']);
  const names: string[] = [];
  const chunks = (async function* () {
    yield await Promise.resolve(raw);
  })();
  for await (const { name } of readArchive(chunks)) names.push(name);
  expect(names).toEqual(['audit-public.pem', 'audit-000001.jsonl']);
});

it('breaks an export off where a log cannot be read to its end, so that nobody takes it for a whole one', async () => {
  const read = made.logs.audit.read.bind(made.logs.audit);
  jest.spyOn(made.logs.usage, 'read').mockImplementation(async function* () {
    yield* read(1);
    await Promise.resolve();
    throw new ProblemError('bus_unavailable');
  });
  // Longer than what a stream holds back: the first bytes are sent before the reading fails.
  await Promise.all(Array.from({ length: 150 }, () => made.audit.writer.record('test', { long: 'x'.repeat(60_000) })));
  await app.listen(0, '127.0.0.1');
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(new URL('audit', await app.getUrl()), { headers });
  expect(answer.status).toBe(200);
  await expect(answer.arrayBuffer()).rejects.toThrow();
});

it('shows the public key, and its id in the status', async () => {
  expect((await call('GET', '/audit/key')).text).toMatch(/^-----BEGIN PUBLIC KEY-----/);
  const { auditKeyId } = JSON.parse((await call('GET', '/status')).text) as { auditKeyId: string };
  expect(auditKeyId).toBe(made.audit.keyId);
});
