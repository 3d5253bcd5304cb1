import { MemoryKeyValue } from '@app/broker';
import { hashApiKey, makeApiKey, type ApiKeyRecord, type License } from '@app/licensing';
import { Log } from '@app/platform';
import type { Feature, ProblemCode, TokenFeature } from '@app/protocol';
import { AccessTokens } from './access-tokens';
import { Authorizer } from './authorizer';
import { KeyDirectory } from './key-directory';

const [key, speakingKey] = [makeApiKey(), makeApiKey()];
const records: ApiKeyRecord[] = [
  { id: 'all', sha256: hashApiKey(key), maxConcurrent: 3 },
  { id: 'speaks', sha256: hashApiKey(speakingKey), features: ['tts'] },
];
const license: License = {
  id: 'lic-1',
  holder: 'Example Ltd',
  features: ['tts', 'stt', 'catalogue'],
  limits: {},
  issued_at: '2026-01-01T00:00:00Z',
  expires_at: '2027-01-01T00:00:00Z',
  grace_days: 0,
  key_id: '0123456789abcdef',
};
const log = Log.create('license', 'silent');
const requestId = 'req-1';

let nowMs: number;
let keyStore: MemoryKeyValue;
let tokenStore: MemoryKeyValue;
let replicas: Authorizer[];

beforeEach(async () => {
  nowMs = Date.parse('2026-06-01T12:00:00Z');
  [keyStore, tokenStore] = [new MemoryKeyValue(), new MemoryKeyValue()];
  replicas = await Promise.all([replica(), replica()]);
});

async function replica(): Promise<Authorizer> {
  const keys = new KeyDirectory(keyStore, records, log);
  const tokens = new AccessTokens(tokenStore, log);
  await tokens.start();
  await keys.start();
  return new Authorizer(keys, tokens, [license], 60_000, () => nowMs);
}

const [first, second] = [() => replicas[0] as Authorizer, () => replicas[1] as Authorizer];

const issue = (features: TokenFeature[], expiresInSeconds = 60, apiKey = key): string =>
  first().issueToken({ key: apiKey, features, expiresInSeconds, requestId }).token;

const ask = (credential: string, feature: Feature, connected?: boolean) =>
  second().authorize({ key: credential, feature, requestId, ...(connected ? { connected } : {}) });

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
  nowMs += 80_000;
  expect(ask(token, 'tts')).toMatchObject({ validForMs: 10_000, graceMs: 0 });
  nowMs += 10_000;
  expect(problemOf(() => ask(token, 'tts'))).toBe('token_expired');
  nowMs -= 60_000;
  expect(problemOf(() => ask(token, 'tts'))).toBe('token_expired');
});

it('goes on past its end on a connection that it opened, and no further than its key', async () => {
  const token = issue(['tts'], 1);
  nowMs += 10_000;
  expect(ask(token, 'tts', true)).toMatchObject({ keyId: 'all', validForMs: 60_000 });
  expect(problemOf(() => ask(token, 'stt', true))).toBe('token_not_allowed');
  await keyStore.delete('all');
  expect(problemOf(() => ask(token, 'tts', true))).toBe('key_unknown');
});

it('is not issued beyond its key, and loses what its key loses', async () => {
  expect(problemOf(() => issue(['stt'], 60, speakingKey))).toBe('feature_not_licensed');
  expect(problemOf(() => issue(['tts'], 60, makeApiKey()))).toBe('key_unknown');
  const token = issue(['tts'], 60, speakingKey);
  await keyStore.put('speaks', JSON.stringify({ ...records[1], features: ['stt'] }));
  expect(problemOf(() => ask(token, 'tts'))).toBe('feature_not_licensed');
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
