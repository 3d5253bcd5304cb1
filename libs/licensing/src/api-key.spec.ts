import { apiKeyPattern, hashApiKey, makeApiKey, readApiKeyRecord } from './api-key';

const sha256 = hashApiKey('abc');

it('makes keys of the published form, each another', () => {
  const keys = Array.from({ length: 100 }, makeApiKey);
  expect(new Set(keys).size).toBe(100);
  for (const key of keys) expect(key).toMatch(apiKeyPattern);
});

it('hashes like any SHA-256', () => {
  expect(sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('refuses a record that holds the key instead of its hash', () => {
  expect(() => readApiKeyRecord({ id: 'first', sha256: makeApiKey() })).toThrow(/sha256/);
});

it('reads the features of an earlier version as scopes', () => {
  expect(readApiKeyRecord({ id: 'first', sha256, features: ['tts'] })).toEqual({
    id: 'first',
    sha256,
    scopes: ['tts'],
  });
});

it.each([
  ['scopes beside features', { scopes: ['tts'], features: ['tts'] }, /features is the earlier name of scopes/],
  ['features that are no list of names', { features: [1] }, /scopes/],
  ['a text for a list of scopes, in which a name could be found', { scopes: 'tts,admin' }, /scopes must be an array/],
  ['a limit of 0', { monthlyCharacters: 0 }, /monthlyCharacters/],
  ['an expiry that is no date', { expiresAt: 'tomorrow' }, /expiresAt/],
  ['an expiry that is a week', { expiresAt: '2027-W01' }, /expiresAt must be a date such as/],
  ['an expiry without a zone', { expiresAt: '2027-01-31T12:00:00' }, /expiresAt must be a date such as/],
  ['a previous key without an end', { previous: [{ sha256 }] }, /validUntil/],
])('refuses %s', (_what, fields, reason) => {
  expect(() => readApiKeyRecord({ id: 'first', sha256, ...fields })).toThrow(reason);
});

it.each(['scopes', 'maxConcurrent', 'expiresAt', 'revokedAt', 'previous'])('refuses null as %s', (field) => {
  expect(() => readApiKeyRecord({ id: 'first', sha256, [field]: null })).toThrow(new RegExp(field));
});

it.each([null, undefined, 'text', []])('refuses %p, which is no record', (value) => {
  expect(() => readApiKeyRecord(value)).toThrow(/Send a JSON object/);
});
