import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { License } from '@app/licensing';
import { issuer, license, signed, TestEndpoint } from '../../../test/support/license-endpoint';
import { main } from '../../license';

let endpoint: TestEndpoint;
beforeEach(async () => {
  endpoint = await TestEndpoint.start();
});
afterEach(() => endpoint.stop());

describe('npm run license -- revoke', () => {
  const revoke = (...args: string[]): Promise<number> =>
    main(['revoke', ...args, '--folder', endpoint.folder], endpoint.folder);

  it('takes effect at the next check-in, and so does --undo', async () => {
    expect((await endpoint.lease()).revoked).toBeUndefined();
    expect(await revoke('lic-1')).toBe(0);
    expect((await endpoint.lease()).revoked).toBe(true);
    expect(JSON.parse(endpoint.stored('check-in.json'))).toMatchObject({ revoked: true });
    expect(await revoke('lic-1', '--undo')).toBe(0);
    expect((await endpoint.lease()).revoked).toBeUndefined();
    expect(await revoke('lic-1', '--undo')).toBe(1);
  });

  it('says where no licence with this id is known', async () => {
    await endpoint.lease();
    endpoint.lines.splice(0);
    expect(await revoke('lic-1')).toBe(0);
    expect(await revoke('lic-1')).toBe(0);
    expect(await revoke('lic-l')).toBe(0);
    expect(endpoint.lines).toEqual([
      'lic-1 is revoked, from its next check-in on.',
      'lic-1 was revoked before.',
      'lic-l is revoked, from its next check-in on.',
      'No licence with this id has checked in. Check the id for typing errors.',
    ]);
  });

  it.each(['../lic-1', '.', '', 'a/b', 'a'.repeat(65)])('refuses the id %j', async (id) => {
    expect(await revoke(id)).toBe(1);
    expect(readdirSync(join(endpoint.folder, 'revoked'))).toEqual([]);
  });

  it('refuses a folder that is not there', async () => {
    expect(await main(['revoke', 'lic-1', '--folder', join(endpoint.folder, 'absent')], endpoint.folder)).toBe(1);
    expect(readdirSync(endpoint.folder)).not.toContain('absent');
  });
});

describe('a renewal in the folder licenses', () => {
  const renewal = { jti: 'lic-2', iat: license.iat + 1, exp: license.exp + 1 };
  const offer = async (name: string, change: Partial<License>, key = issuer): Promise<string> => {
    const text = await signed({ ...renewal, ...change }, key);
    mkdirSync(join(endpoint.folder, 'licenses'), { recursive: true });
    writeFileSync(join(endpoint.folder, 'licenses', name), `${text}\n`);
    return text;
  };

  it('reaches the deployment with its next check-in, the newest of several', async () => {
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
    await offer('a.jwt', {});
    const newest = await offer('b.jwt', { jti: 'lic-3', iat: renewal.iat + 1 });
    await offer('c.jwt', { jti: 'lic-4' });
    expect((await endpoint.lease()).latestLicense).toBe(newest);
    expect(JSON.parse(endpoint.stored('check-in.json'))).toMatchObject({ latestLicense: 'lic-3' });
    expect((await endpoint.lease({ license: newest })).latestLicense).toBeUndefined();
  });

  it('is read again when its file was replaced', async () => {
    await offer('a.jwt', { sub: 'Someone else' });
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
    const text = await offer('a.jwt', {});
    expect((await endpoint.lease()).latestLicense).toBe(text);
  });

  it.each<[string, Partial<License>]>([
    ['of another holder', { sub: 'Other Ltd' }],
    ['of another deployment', { deployment: 'prod-2' }],
    ['that is older', { iat: license.iat - 1 }],
  ])('%s is not offered', async (_what, change) => {
    await offer('a.jwt', change);
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
  });

  it('of another issuer is not offered, which the log says once', async () => {
    await offer('a.jwt', {}, generateKeyPairSync('ed25519').privateKey);
    await endpoint.lease();
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
    expect(endpoint.lines.filter((line) => line.includes('is not offered'))).toHaveLength(1);
  });

  it('is not offered to a revoked licence, nor when it is revoked itself', async () => {
    await offer('a.jwt', {});
    await main(['revoke', 'lic-1', '--folder', endpoint.folder], endpoint.folder);
    expect(await endpoint.lease()).toMatchObject({ revoked: true });
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
    await main(['revoke', 'lic-1', '--undo', '--folder', endpoint.folder], endpoint.folder);
    await main(['revoke', 'lic-2', '--folder', endpoint.folder], endpoint.folder);
    expect((await endpoint.lease()).latestLicense).toBeUndefined();
  });
});
