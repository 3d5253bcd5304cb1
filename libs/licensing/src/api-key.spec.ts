import { ApiKeyRecord, apiKeyPattern, hashApiKey, makeApiKey } from './api-key';
import { validated } from '@app/protocol';

it('makes keys of the published form, each another', () => {
  const keys = Array.from({ length: 100 }, makeApiKey);
  expect(new Set(keys).size).toBe(100);
  for (const key of keys) expect(key).toMatch(apiKeyPattern);
});

it('hashes like any SHA-256', () => {
  expect(hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('refuses a record that holds the key instead of its hash', () => {
  const key = makeApiKey();
  expect(() => validated(ApiKeyRecord, { id: 'first', sha256: key })).toThrow(/sha256/);
});
