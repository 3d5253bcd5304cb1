import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryKeyValue } from '@app/broker';
import { dayMs } from '@app/licensing';
import { secondsOf } from '../../../../test/support/test-license';
import { Files, Issuer, Replica } from '../../test/support/replica';
import { readLicenseFiles } from './license-files';
import { pollIntervalMs } from './license-store';

const issuer = new Issuer();
const nowMs = Date.parse('2026-06-01T12:00:00Z');
const renewed = { jti: 'lic-2', iat: secondsOf('2026-05-01'), exp: secondsOf('2027-07-01') };
const notTaken = 'licence file not taken: what is in force stays';
let files: Files;
beforeEach(async () => {
  files = new Files();
  files.write(await issuer.license(), issuer.pem);
});
afterEach(() => files.remove());

describe('at the start', () => {
  const read = async (names: readonly string[], licenseDeployment = 'prod-1') => {
    const licenseFile = names.map((name) => join(files.folder, name));
    return (await readLicenseFiles({ ...files.settings, licenseFile, licenseDeployment }, nowMs)).licenses;
  };
  const write = (name: string, text: string) => writeFileSync(join(files.folder, name), text);

  it('reads every licence file', async () => {
    write('renewed.jwt', await issuer.license(renewed));
    expect((await read(['license.jwt', 'renewed.jwt'])).map(({ jti }) => jti)).toEqual(['lic-1', 'lic-2']);
  });

  it('reads a licence of this deployment only', async () => {
    const reading = read(['license.jwt'], 'prod-2');
    await expect(reading).rejects.toThrow(/license\.jwt: .*for the deployment prod-1, and this one is prod-2/);
  });

  it('names the file whose content was changed', async () => {
    const [header, payload = '', signature] = (await issuer.license()).split('.');
    const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const later = Buffer.from(JSON.stringify({ ...content, exp: secondsOf('2030-01-01') })).toString('base64url');
    write('doctored.jwt', [header, later, signature].join('.'));
    await expect(read(['doctored.jwt'])).rejects.toMatchObject({
      code: 'license_invalid',
      detail: expect.stringMatching(/doctored\.jwt: .*changed after it was issued/) as string,
    });
  });

  it('names the variable of a licence file that is missing', async () => {
    await expect(read(['absent'])).rejects.toMatchObject({
      code: 'config_invalid',
      detail: expect.stringMatching(/^LICENSE_FILE: .*cannot be read\.$/) as string,
    });
  });
});

describe('while the app runs', () => {
  let store: MemoryKeyValue;
  let replica: Replica;
  beforeEach(async () => {
    store = new MemoryKeyValue();
    replica = await new Replica(store, files).start();
  });
  afterEach(() => replica.documents.stop());

  const poll = (): Promise<void> => replica.pass(pollIntervalMs);
  const pollOften = async (): Promise<void> => {
    for (let times = 0; times < 5; times++) await poll();
  };
  const details = (): unknown[] => replica.said(notTaken).map(({ detail }) => detail);

  it('takes a renewed licence within one interval', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const timed = await new Replica(store, files).start();
      files.write(await issuer.license(renewed));
      jest.advanceTimersByTime(pollIntervalMs);
      await timed.documents.stop();
      expect(timed.licenseId).toBe('lic-2');
    } finally {
      jest.useRealTimers();
    }
  });

  it('reports it, and says nothing while nothing changes', async () => {
    files.write(await issuer.license(renewed));
    await pollOften();
    const expires = '2027-07-01T00:00:00.000Z';
    expect(replica.events).toEqual([
      ['license_installed', { licenseId: 'lic-2', holder: 'Example Ltd', expires, by: 'file' }],
    ]);
    expect(replica.said('licence files read again')).toHaveLength(1);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['is no licence', () => Promise.resolve('hello'), /not a compact JWS/],
    ['is empty', () => Promise.resolve(''), /not a compact JWS/],
    ['is of another issuer', () => new Issuer().license(renewed), /not among the trusted/],
    ['is of another deployment', () => issuer.license({ ...renewed, deployment: 'prod-2' }), /prod-2/],
    ['has not begun', () => issuer.license({ ...renewed, nbf: secondsOf('2026-06-30') }), /gives service now/],
  ])('keeps what is in force where the new content %s, with one line', async (_, make, reason) => {
    files.write(await make());
    await pollOften();
    expect([replica.licenseId, replica.state]).toEqual(['lic-1', 'active']);
    expect(details()).toEqual([expect.stringMatching(reason)]);
    expect(replica.events).toEqual([['license_refused', { reason: 'license_invalid', by: 'file' }]]);
    files.write(await issuer.license(renewed));
    await poll();
    expect(replica.licenseId).toBe('lic-2');
  });

  it('keeps what is in force where a file cannot be read, and says each content that is refused', async () => {
    rmSync(files.settings.licenseFile[0] ?? '');
    await pollOften();
    files.write('hello');
    await pollOften();
    files.write('world');
    await pollOften();
    expect(replica.licenseId).toBe('lic-1');
    expect(details()).toHaveLength(3);
    expect(JSON.stringify(replica.lines)).not.toMatch(/hello|world/);
  });

  it('takes a renewal once it has begun, if it replaced the licence in force before', async () => {
    files.write(await issuer.license({ ...renewed, nbf: secondsOf('2026-06-11') }));
    await poll();
    await replica.pass(10 * dayMs);
    expect(replica.licenseId).toBe('lic-2');
  });

  it('trusts a new key, and what is signed with it, without a restart', async () => {
    const next = new Issuer();
    files.write(undefined, issuer.pem + next.pem);
    await poll();
    await replica.documents.install(await next.license(renewed), 'admin');
    expect(replica.licenseId).toBe('lic-2');
  });

  it('takes a licence and its key that are renewed one after the other', async () => {
    const next = new Issuer();
    files.write(undefined, next.pem);
    await poll();
    expect([replica.licenseId, replica.state]).toEqual(['lic-1', 'active']);
    files.write(await next.license(renewed));
    await poll();
    expect(replica.licenseId).toBe('lic-2');
  });

  it('takes the trust from documents of a key that was removed, in the bucket and in the files', async () => {
    const next = new Issuer();
    files.write(undefined, issuer.pem + next.pem);
    await poll();
    await replica.documents.install(await next.license(renewed), 'admin');
    files.write(undefined, issuer.pem);
    await poll();
    expect(replica.licenseId).toBe('lic-1');
    files.write(undefined, issuer.pem + next.pem);
    await poll();
    files.write(undefined, next.pem);
    await poll();
    expect(replica.standing.facts().licenses.map(({ jti }) => jti)).toEqual(['lic-2']);
  });

  it('keeps a key whose removal would end service at once, and says so once', async () => {
    files.write(undefined, new Issuer().pem);
    await pollOften();
    expect([replica.licenseId, replica.state]).toEqual(['lic-1', 'active']);
    expect(details()).toEqual([expect.stringMatching(/gives service now/)]);
  });

  it('takes a file of keys without a key for a fault', async () => {
    files.write(await issuer.license(renewed), 'no key');
    await pollOften();
    expect(replica.licenseId).toBe('lic-2');
    expect(details()).toEqual([expect.stringMatching(/issuer\.pem: .*no public key/)]);
  });
});
