import { MemoryKeyValue } from '@app/broker';
import { defaultGrace, hashApiKey, makeApiKey, type ApiKeyRecord } from '@app/licensing';
import { Log } from '@app/platform';
import type { Feature, ProblemCode, TokenFeature } from '@app/protocol';
import { secondsOf, testLicense } from '../../../test/support/test-license';
import { testUsage } from '../test/support/test-usage';
import { AccessTokens } from './access-tokens';
import { Authorizer } from './authorizer';
import { KeyDirectory } from './keys/key-directory';
import { RetiredKeys } from './keys/retired-keys';
import { Quotas } from './quota/quotas';
import { ServiceStanding } from './service-standing';

const [key, speakingKey] = [makeApiKey(), makeApiKey()];
const records: ApiKeyRecord[] = [
  { id: 'all', sha256: hashApiKey(key), maxConcurrent: 3 },
  { id: 'speaks', sha256: hashApiKey(speakingKey), scopes: ['tts'] },
];
const license = testLicense({
  features: ['tts', 'stt', 'catalogue'],
  exp: secondsOf('2027-01-01'),
  grace: { ...defaultGrace, expiryDays: 0, proxyUnreachableSeconds: 300 },
});
const log = Log.create('license', 'silent');
const requestId = 'req-1';

let nowMs: number;
let monotonicMs: number;
let keyStore: MemoryKeyValue;
let tokenStore: MemoryKeyValue;
let replicas: Authorizer[];

beforeEach(async () => {
  [nowMs, monotonicMs] = [Date.parse('2026-06-01T12:00:00Z'), 0];
  [keyStore, tokenStore] = [new MemoryKeyValue(), new MemoryKeyValue()];
  replicas = await Promise.all([replica(), replica()]);
});

async function replica(): Promise<Authorizer> {
  const retired = new RetiredKeys(new MemoryKeyValue(), log);
  const keys = new KeyDirectory(keyStore, retired, records, 60_000, log);
  const tokens = new AccessTokens(tokenStore, log);
  await tokens.start();
  await keys.start();
  const standing = new ServiceStanding('airgapped', [license], () => ({ wallMs: nowMs, monotonicMs }));
  standing.raise(nowMs);
  const limits = { quotas: new Quotas(testUsage(standing)), assertRoom: () => undefined };
  return new Authorizer({ keys, tokens, standing, revocationDelayMs: 60_000, ...limits });
}

const [first, second] = [() => replicas[0] as Authorizer, () => replicas[1] as Authorizer];

const issue = (features: TokenFeature[], expiresInSeconds = 60, apiKey = key): string =>
  first().issueToken({ key: apiKey, features, expiresInSeconds, requestId }).token;

const ask = (credential: string, feature: Feature, connected?: boolean) =>
  second().authorize({ key: credential, feature, requestId, ...(connected ? { connected } : {}) });

const pass = (ms: number): void => {
  nowMs += ms;
  monotonicMs += ms;
};

const date = (inMs: number): string => new Date(nowMs + inMs).toISOString();

const problemOf = (action: () => unknown): ProblemCode | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { code: ProblemCode }).code;
  }
};

it('grants at every license process what it was issued for, on the account of its key', () => {
  expect(ask(issue(['tts']), 'tts')).toMatchObject({ keyId: 'all', maxConcurrent: 3 });
});

it('grants nothing else', () => {
  const token = issue(['tts']);
  for (const feature of ['stt', 'catalogue', 'speech-activity'] as const) {
    expect(problemOf(() => ask(token, feature))).toBe('token_not_allowed');
  }
  expect(problemOf(() => ask(issue([]), 'tts'))).toBe('token_not_allowed');
});

it('is over at its end, and no kept answer outlives it', () => {
  const token = issue(['tts'], 90);
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 60_000, graceMs: 30_000 });
  pass(80_000);
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 10_000, graceMs: 0 });
  pass(10_000);
  expect(problemOf(() => ask(token, 'tts'))).toBe('token_expired');
  nowMs -= 60_000;
  expect(problemOf(() => ask(token, 'tts'))).toBe('token_expired');
});

it('goes on past its end on a connection that it opened, and no further than its key', async () => {
  const token = issue(['tts'], 1);
  pass(10_000);
  expect(ask(token, 'tts', true)).toMatchObject({ keyId: 'all', validForMs: 60_000 });
  expect(problemOf(() => ask(token, 'stt', true))).toBe('token_not_allowed');
  await keyStore.delete('all');
  expect(problemOf(() => ask(token, 'tts', true))).toBe('key_unknown');
});

it('is not issued beyond its key, and loses what its key loses', async () => {
  expect(problemOf(() => issue(['stt'], 60, speakingKey))).toBe('scope_missing');
  expect(problemOf(() => issue(['tts'], 60, makeApiKey()))).toBe('key_unknown');
  const token = issue(['tts'], 60, speakingKey);
  await keyStore.put('speaks', JSON.stringify({ ...records[1], scopes: ['stt'] }));
  expect(problemOf(() => ask(token, 'tts'))).toBe('scope_missing');
});

it('gets no further token', () => {
  const token = issue(['tts']);
  expect(problemOf(() => issue(['tts'], 60, token))).toBe('token_not_allowed');
});

it('is revoked with its key, also where another key takes the same id', async () => {
  const token = issue(['tts']);
  await keyStore.put('all', JSON.stringify({ id: 'all', sha256: hashApiKey(makeApiKey()) }));
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_unknown');
  await keyStore.delete('all');
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_unknown');
});

it('ends with the key that got it: at its revocation, its expiry and the end of its overlap', async () => {
  const token = issue(['tts']);
  const put = (change: Partial<ApiKeyRecord>) => keyStore.put('all', JSON.stringify({ ...records[0], ...change }));
  await put({ revokedAt: date(0) });
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_revoked');
  await put({ expiresAt: date(20_000) });
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 20_000, graceMs: 0 });
  const previous = [{ sha256: hashApiKey(key), validUntil: date(30_000) }];
  await put({ sha256: hashApiKey(makeApiKey()), previous });
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 30_000, graceMs: 0 });
  pass(30_000);
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_revoked');
});

it('is granted without NATS for the revocation delay, and for the whole grace after it at a gateway', () => {
  const token = issue(['tts'], 600);
  keyStore.disconnect();
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 60_000, graceMs: 300_000 });
  pass(45_000);
  for (const credential of [token, key]) {
    expect(ask(credential, 'tts')).toMatchObject({ validForMs: 15_000, graceMs: 300_000 });
  }
  pass(15_000);
  for (const credential of [token, key]) {
    expect(problemOf(() => ask(credential, 'tts'))).toBe('license_unavailable');
  }
});

it('is refused where a single character was changed or another deployment signed it', async () => {
  const token = issue(['tts']);
  for (let at = 'at_antiphon_'.length; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    expect(problemOf(() => ask(changed, 'tts'))).toBe('key_unknown');
  }
  tokenStore = new MemoryKeyValue();
  replicas = [await replica(), await replica()];
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_unknown');
});

it('ends when the operator replaces the secret, and a secret that is too short is ignored', async () => {
  const token = issue(['tts']);
  await tokenStore.put('secret', 'short');
  expect(problemOf(() => ask(token, 'tts'))).toBeUndefined();
  await tokenStore.put('secret', 'x'.repeat(43));
  expect(problemOf(() => ask(token, 'tts'))).toBe('key_unknown');
  expect(problemOf(() => ask(issue(['tts']), 'tts'))).toBeUndefined();
});
