import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { license, now, signed, TestEndpoint } from '../../../test/support/license-endpoint';

let endpoint: TestEndpoint;
beforeEach(async () => {
  endpoint = await TestEndpoint.start();
});
afterEach(() => endpoint.stop());

describe('a check-in', () => {
  it('is answered with a lease by the clock of the endpoint, and noted', async () => {
    const { jti, ...rest } = await endpoint.lease({ auditKeyId: '0123456789abcdef' });
    const iat = Date.parse(now) / 1_000;
    expect(rest).toEqual({ license: 'lic-1', deployment: 'prod-1', iat, exp: iat + 3_600, checkInSeconds: 60 });
    expect(JSON.parse(endpoint.stored('check-in.json'))).toEqual({
      license: 'lic-1',
      holder: 'Example Ltd',
      deployment: 'prod-1',
      receivedAt: now,
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
    await endpoint.lease();
    await endpoint.post('/v1/check-in', await endpoint.checkInBody({ state: 'asleep' }));
    await endpoint.post('/v1/check-in', await endpoint.checkInBody({ deployment: 'prod-2' }));
    const text = await signed();
    expect(endpoint.lines).toHaveLength(3);
    expect(JSON.parse(endpoint.lines[0]!)).toMatchObject({
      msg: 'check-in',
      license: 'lic-1',
      deployment: 'prod-1',
      state: 'active',
      leaseEnds: '2026-11-29T13:00:00Z',
    });
    for (const part of text.split('.').slice(1)) expect(endpoint.lines.join('')).not.toContain(part);
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
      async () => ({ license: await signed({ exp: Date.parse(now) / 1_000 - 14 * 86_400 }) }),
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
    const answer = await endpoint.post('/v1/check-in', await endpoint.checkInBody(await change()));
    expect(answer).toEqual({
      status,
      body: {
        error_code: code,
        title: expect.any(String) as string,
        message: expect.stringMatching(reason) as string,
        request_id: expect.any(String) as string,
      },
    });
    expect(endpoint.hasStored()).toBe(false);
  });

  it('is answered in the grace period of an expiry', async () => {
    expect(
      (await endpoint.lease({ license: await signed({ exp: Date.parse(now) / 1_000 - 14 * 86_400 + 1 }) })).license,
    ).toBe('lic-1');
  });

  it('is answered for licences of keys in trusted.pem', async () => {
    const older = generateKeyPairSync('ed25519').privateKey;
    writeFileSync(join(endpoint.folder, 'trusted.pem'), createPublicKey(older).export({ type: 'spki', format: 'pem' }));
    await endpoint.restart();
    expect((await endpoint.lease({ license: await signed({}, older) })).license).toBe('lic-1');
  });

  it('is answered where the endpoint cannot note it', async () => {
    writeFileSync(join(endpoint.folder, 'holders'), 'no folder');
    expect((await endpoint.lease()).license).toBe('lic-1');
    expect(JSON.parse(endpoint.lines[0]!)).toMatchObject({ level: 'error', msg: 'check-in not stored' });
    rmSync(join(endpoint.folder, 'holders'));
  });
});
