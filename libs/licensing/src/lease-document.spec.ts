import { generateKeyPairSync } from 'node:crypto';
import { signLease, verifyLease, type Lease } from './lease-document';
import { defaultGrace, signLicense } from './license-document';

const vendor = generateKeyPairSync('ed25519');
const lease: Lease = {
  jti: 'lease-1',
  license: 'lic-1',
  deployment: 'prod-1',
  iat: 1_780_000_000,
  exp: 1_780_086_400,
  checkInSeconds: 3_600,
  revoked: false,
};
const acceptance = { keys: [vendor.publicKey], deployment: 'prod-1' };
const refusalOf = async (change: object): Promise<string> => {
  const document = await signLease({ ...lease, ...change }, vendor.privateKey);
  return verifyLease(document, acceptance).then(
    () => 'accepted',
    (error: { code: string; detail: string }) => `${error.code}: ${error.detail}`,
  );
};

it('accepts what a trusted key signed, also from a vendor whose clock is ahead', async () => {
  const verified = await verifyLease(await signLease(lease, vendor.privateKey), acceptance);
  expect({ ...verified.payload }).toEqual(lease);
  expect(await refusalOf({ iat: lease.iat + 1e9, exp: lease.exp + 1e9 })).toBe('accepted');
});

it('has room for a whole licence', async () => {
  expect(await refusalOf({ latestLicense: 'a'.repeat(16 * 1_024) })).toBe('accepted');
  expect(await refusalOf({ latestLicense: 'a'.repeat(16 * 1_024 + 1) })).toMatch(/latestLicense/);
});

it.each([
  [{ deployment: 'prod-2' }, /The lease cannot be used\. It is for the deployment prod-2/],
  [{ exp: lease.iat }, /iat must be less than exp/],
  [{ checkInSeconds: 0 }, /checkInSeconds/],
  [{ note: 1 }, /property note should not exist/],
])('refuses %j', async (change, reason) => {
  expect(await refusalOf(change)).toMatch(reason);
});

it('refuses a licence in its place', async () => {
  const { iat, exp } = lease;
  const license = { jti: 'l', sub: 'h', features: ['tts'], limits: {}, iat, nbf: iat, exp, grace: defaultGrace };
  const document = await signLicense(license, vendor.privateKey);
  await expect(verifyLease(document, acceptance)).rejects.toThrow(/Its type is not antiphon-lease\+jwt/);
});
