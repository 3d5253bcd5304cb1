import { MemoryKeyValue } from '@app/broker';
import { clockSettleMs, dayMs } from '@app/licensing';
import { secondsOf } from '../../../../test/support/test-license';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { licenseEntry } from './bucket';
import { maxInstalled } from './held-licenses';

const issuer = new Issuer();
const renewed = { jti: 'lic-2', iat: secondsOf('2026-05-01'), exp: secondsOf('2027-07-01') };
let files: Files;
let store: MemoryKeyValue;
let one: Replica;
let other: Replica;

beforeEach(async () => {
  files = new Files();
  files.write(await issuer.license(), issuer.pem);
  store = new MemoryKeyValue();
  one = await new Replica(store, files).start();
  other = await new Replica(store, files).start();
});
afterEach(async () => {
  await Promise.all([one, other].map(({ documents }) => documents.stop()));
  files.remove();
});

/** What the watch of the bucket reported is done. */
const settle = () => other.documents.poll();
const entries = async (): Promise<string[]> => (await store.keys()).filter((key) => key.startsWith('license_')).sort();

it('installs a newer licence at every replica, and at one that starts later', async () => {
  const text = await issuer.license(renewed);
  expect(await one.documents.install(text, 'admin')).toMatchObject({ jti: 'lic-2' });
  expect([one.licenseId, one.documents.licenseText()]).toEqual(['lic-2', text]);
  await settle();
  expect(other.licenseId).toBe('lic-2');
  const later = await new Replica(store, files).start();
  expect(later.licenseId).toBe('lic-2');
  await later.documents.stop();
  const expires = '2027-07-01T00:00:00.000Z';
  expect(one.events).toEqual([
    ['license_installed', { licenseId: 'lic-2', holder: 'Example Ltd', expires, by: 'admin' }],
  ]);
});

it('takes the same document again without an effect, in the file or in the bucket', async () => {
  const text = await issuer.license(renewed);
  await one.documents.install(text, 'admin');
  await one.documents.install(`${text}\n`, 'admin');
  expect(one.events).toHaveLength(1);
  await other.documents.install(text, 'admin');
  expect(await entries()).toEqual(['license_lic-2']);
});

it.each<[string, () => Promise<string>, string, RegExp]>([
  ['tampered', async () => `${(await issuer.license(renewed)).slice(0, -8)}AAAAAAAA`, 'license_invalid', /signature/],
  ['foreign', () => issuer.license({ ...renewed, deployment: 'prod-2' }), 'license_invalid', /deployment prod-2/],
  ['future', () => issuer.license({ ...renewed, iat: secondsOf('2026-06-02') }), 'license_invalid', /future/],
  ['not trusted', () => new Issuer().license(renewed), 'license_invalid', /not among the trusted/],
  ['oversized', () => Promise.resolve('A'.repeat(20_000)), 'license_invalid', /20000 bytes/],
  ['older', () => issuer.license({ jti: 'lic-0', iat: secondsOf('2025-12-01') }), 'license_conflict', /lic-1 is newer/],
])('refuses a document that is %s, and the one in force stays', async (_, make, code, detail) => {
  const refusal = one.documents.install(await make(), 'admin');
  await expect(refusal).rejects.toMatchObject({ code, detail: expect.stringMatching(detail) as string });
  expect([one.licenseId, await entries()]).toEqual(['lic-1', []]);
  expect(one.events).toEqual([['license_refused', { reason: code, by: 'admin' }]]);
});

it('lets a renewal wait for its beginning, also behind one that was installed after it', async () => {
  const nbf = secondsOf('2026-06-10');
  await one.documents.install(await issuer.license({ ...renewed, nbf }), 'admin');
  const between = { jti: 'lic-3', iat: secondsOf('2026-04-01') };
  await one.documents.install(await issuer.license(between), 'admin');
  expect(one.licenseId).toBe('lic-3');
  await one.pass(10 * dayMs);
  expect(one.licenseId).toBe('lic-2');
});

it('ignores an entry that is untrusted, damaged or misnamed, says so once, and repeats nothing of it', async () => {
  const secret = 'bm90LXRoZS1oZWFkZXI';
  const misnamed = await issuer.license(renewed);
  await store.put(licenseEntry('lic-9'), await new Issuer().license({ ...renewed, jti: 'lic-9' }));
  await store.put(licenseEntry('lic-8'), `${secret}.${secret}.${secret}`);
  await store.put(licenseEntry('lic-7'), misnamed);
  await settle();
  await other.documents.poll();
  expect(other.licenseId).toBe('lic-1');
  expect(
    other
      .said('licence ignored')
      .map(({ source }) => source)
      .sort(),
  ).toEqual(['lic-7', 'lic-8', 'lic-9'].map(licenseEntry));
  expect(JSON.stringify(other.lines)).not.toContain(Buffer.from(secret, 'base64url').toString());
  expect(JSON.stringify(other.lines)).not.toContain(misnamed.split('.')[1]);
});

it('takes a document of the bucket from the future once its time has come', async () => {
  await store.put(licenseEntry('lic-2'), await issuer.license({ ...renewed, iat: secondsOf('2026-06-02') }));
  await settle();
  expect(other.licenseId).toBe('lic-1');
  await other.pass(dayMs);
  expect(other.licenseId).toBe('lic-2');
});

it('goes on with what it knows while NATS is away, and installs nothing that would reach no other', async () => {
  await one.documents.install(await issuer.license(renewed), 'admin');
  store.disconnect();
  await one.pass(60_000);
  expect(one.licenseId).toBe('lic-2');
  const newer = { ...renewed, jti: 'lic-3', iat: renewed.iat + 1 };
  await expect(one.documents.install(await issuer.license(newer), 'admin')).rejects.toMatchObject({
    code: 'bus_unavailable',
  });
  expect(one.licenseId).toBe('lic-2');
  expect(one.said('licence files not read')).toEqual([]);
});

it('puts an installed licence back after NATS lost its disk', async () => {
  await one.documents.install(await issuer.license(renewed), 'admin');
  await settle();
  store.loseEverything();
  store.reconnect();
  await Promise.all([one, other].map(({ documents }) => documents.poll()));
  expect(await entries()).toEqual(['license_lic-2']);
  expect([one.licenseId, other.licenseId]).toEqual(['lic-2', 'lic-2']);
});

it('follows an operator who deletes an installed licence', async () => {
  await one.documents.install(await issuer.license(renewed), 'admin');
  await store.delete(licenseEntry('lic-2'));
  await Promise.all([one, other].map(({ documents }) => documents.poll()));
  expect([one.licenseId, other.licenseId]).toEqual(['lic-1', 'lic-1']);
  await one.documents.install(await issuer.license(renewed), 'admin');
  expect(one.licenseId).toBe('lic-2');
});

it('removes a licence from the bucket that can never count again', async () => {
  await one.documents.install(await issuer.license(renewed), 'admin');
  await one.documents.install(await issuer.license({ ...renewed, jti: 'lic-3', iat: renewed.iat + 1 }), 'admin');
  expect(await entries()).toEqual(['license_lic-3']);
});

it('keeps a licence whose successor has begun only by a clock that has not settled', async () => {
  await one.documents.install(await issuer.license(renewed), 'admin');
  const nbf = secondsOf('2026-06-10');
  await one.documents.install(await issuer.license({ ...renewed, jti: 'lic-3', iat: renewed.iat + 1, nbf }), 'admin');
  one.wallMs += 20 * dayMs;
  await one.documents.install(await issuer.license({ ...renewed, jti: 'lic-4', iat: renewed.iat + 2, nbf }), 'admin');
  expect(await entries()).toEqual(['license_lic-2', 'license_lic-4']);
  one.wallMs -= 20 * dayMs;
  expect(one.licenseId).toBe('lic-2');
  await one.pass(clockSettleMs);
  expect(one.licenseId).toBe('lic-2');
});

it('holds a bounded number of licences, among which a bad entry is not counted', async () => {
  await store.put(licenseEntry('bad'), 'damaged');
  for (let index = 0; index < maxInstalled; index++) {
    const [iat, nbf] = [renewed.iat + index, secondsOf('2026-06-10') + index];
    await one.documents.install(await issuer.license({ ...renewed, jti: `lic-${index + 2}`, iat, nbf }), 'admin');
  }
  const more = await issuer.license({ ...renewed, jti: 'more', iat: renewed.iat + 100, nbf: secondsOf('2026-06-20') });
  await expect(one.documents.install(more, 'admin')).rejects.toMatchObject({ code: 'license_conflict' });
  expect(await entries()).toHaveLength(maxInstalled + 1);
});

describe('a licence with the id of an installed one', () => {
  const later = { ...renewed, iat: renewed.iat + 1, nbf: secondsOf('2026-06-10') };

  it('is refused while it has not begun: the one in force stays', async () => {
    const inForce = await issuer.license(renewed);
    await one.documents.install(inForce, 'admin');
    await expect(one.documents.install(await issuer.license(later), 'admin')).rejects.toMatchObject({
      code: 'license_conflict',
      detail: expect.stringContaining('id of its own') as string,
    });
    expect(one.documents.licenseText()).toBe(inForce);
  });

  it('is refused if that one is newer and waits: nothing is said to be installed that is not', async () => {
    await one.documents.install(await issuer.license(later), 'admin');
    await expect(one.documents.install(await issuer.license(renewed), 'admin')).rejects.toMatchObject({
      code: 'license_conflict',
    });
    expect(one.events.at(-1)?.[0]).toBe('license_refused');
  });

  it('takes its place if it has begun, or if neither has', async () => {
    await one.documents.install(await issuer.license(later), 'admin');
    const corrected = await issuer.license({ ...later, iat: later.iat + 1 });
    await one.documents.install(corrected, 'admin');
    expect(await store.get(licenseEntry('lic-2'))).toBe(corrected);
    const begun = await issuer.license({ ...renewed, iat: later.iat + 2 });
    await one.documents.install(begun, 'admin');
    expect(one.documents.licenseText()).toBe(begun);
  });
});
