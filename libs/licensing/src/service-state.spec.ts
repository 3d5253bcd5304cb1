import { secondsOf, testLicense } from '../../../test/support/test-license';
import type { Lease } from './lease-document';
import { defaultGrace, type License } from './license-document';
import { licenseInForce, newerLease, serviceState, type ServiceFacts } from './service-state';

const at = (time: string): number => Date.parse(time);

const license = (change: Partial<License> = {}): License =>
  testLicense({
    nbf: secondsOf('2026-01-10T00:00:00Z'),
    grace: { ...defaultGrace, expiryDays: 7, lostContactDays: 3 },
    ...change,
  });
const lease = (change: Partial<Lease> = {}): Lease => ({
  jti: 'lease-1',
  license: 'lic-1',
  iat: secondsOf('2026-03-01T00:00:00Z'),
  exp: secondsOf('2026-03-02T00:00:00Z'),
  checkInSeconds: 3_600,
  ...change,
});
const airgapped = (time: string, change: Partial<ServiceFacts> = {}): ServiceFacts => ({
  mode: 'airgapped',
  licenses: [license()],
  nowMs: at(time),
  ...change,
});
const connected = (time: string, change: Partial<ServiceFacts> = {}): ServiceFacts =>
  airgapped(time, { mode: 'connected', lease: lease(), ...change });

describe('the machine of expiry', () => {
  it.each([
    ['2026-01-09T23:59:59.999Z', { state: 'refused', why: 'not_yet_valid' }],
    ['2026-01-10T00:00:00Z', { state: 'active', untilMs: at('2026-07-01T00:00:00Z') }],
    ['2026-06-30T23:59:59.999Z', { state: 'active' }],
    [
      '2026-07-01T00:00:00Z',
      { state: 'grace', why: 'expiry', sinceMs: at('2026-07-01T00:00:00Z'), untilMs: at('2026-07-08T00:00:00Z') },
    ],
    ['2026-07-07T23:59:59.999Z', { state: 'grace', why: 'expiry' }],
    ['2026-07-08T00:00:00Z', { state: 'refused', why: 'expired', sinceMs: at('2026-07-08T00:00:00Z') }],
  ])('at %s is %j', (time, expected) => {
    expect(serviceState(airgapped(time))).toMatchObject(expected);
  });

  it('has no grace where its length is 0', () => {
    const licenses = [license({ grace: { ...defaultGrace, expiryDays: 0 } })];
    expect(serviceState(airgapped('2026-07-01T00:00:00Z', { licenses }))).toMatchObject({ why: 'expired' });
  });
});

describe('the machine of lost contact', () => {
  it.each([
    ['2026-03-01T23:59:59.999Z', { state: 'active', untilMs: at('2026-03-02T00:00:00Z') }],
    [
      '2026-03-02T00:00:00Z',
      { state: 'grace', why: 'lost_contact', sinceMs: at('2026-03-02T00:00:00Z'), untilMs: at('2026-03-05T00:00:00Z') },
    ],
    ['2026-03-05T00:00:00Z', { state: 'refused', why: 'lost_contact', sinceMs: at('2026-03-05T00:00:00Z') }],
  ])('at %s is %j', (time, expected) => {
    expect(serviceState(connected(time))).toMatchObject(expected);
  });

  it('does not run in air-gapped mode', () => {
    expect(serviceState(airgapped('2026-03-05T00:00:00Z', { lease: lease() }))).toMatchObject({ state: 'active' });
  });

  it('counts from nbf before the first lease', () => {
    const first = (time: string) => serviceState(connected(time, { lease: undefined }));
    expect(first('2026-01-10T00:00:00Z')).toMatchObject({ state: 'grace', why: 'lost_contact' });
    expect(first('2026-01-13T00:00:00Z')).toMatchObject({ state: 'refused', why: 'lost_contact' });
  });

  it('serves again after a check-in', () => {
    const back = lease({ iat: secondsOf('2026-03-10T00:00:00Z'), exp: secondsOf('2026-03-11T00:00:00Z') });
    expect(serviceState(connected('2026-03-10T00:00:00Z', { lease: back }))).toMatchObject({ state: 'active' });
  });

  it('refuses at once when the licence in force is revoked, and not for another one', () => {
    const time = '2026-03-01T12:00:00Z';
    expect(serviceState(connected(time, { lease: lease({ revoked: true }) }))).toEqual({
      state: 'refused',
      why: 'revoked',
      sinceMs: at('2026-03-01T00:00:00Z'),
    });
    expect(serviceState(connected(time, { lease: lease({ revoked: true, license: 'lic-0' }) }))).toMatchObject({
      state: 'active',
    });
  });
});

describe('both machines', () => {
  const late = (end: string) => lease({ exp: secondsOf(end) });
  it.each([
    ['grace counts before active', '2026-07-02T00:00:00Z', '2026-07-05T00:00:00Z', { state: 'grace', why: 'expiry' }],
    ['the grace that ends first', '2026-07-03T00:00:00Z', '2026-07-02T00:00:00Z', { why: 'lost_contact' }],
    ['refusal before grace', '2026-07-05T00:00:00Z', '2026-07-02T00:00:00Z', { state: 'refused', why: 'lost_contact' }],
    ['the refusal that came first', '2026-08-01T00:00:00Z', '2026-07-06T00:00:00Z', { why: 'expired' }],
  ])('give the worse state: %s', (_what, time, leaseEnd, expected) => {
    expect(serviceState(connected(time, { lease: late(leaseEnd) }))).toMatchObject(expected);
  });
});

it('does not fall for a clock that was set back', () => {
  const highWaterMs = at('2026-08-01T00:00:00Z');
  expect(serviceState(airgapped('2026-06-01T00:00:00Z', { highWaterMs }))).toMatchObject({ why: 'expired' });
});

it('has a state without a licence', () => {
  expect(serviceState(airgapped('2026-06-01T00:00:00Z', { licenses: [] }))).toMatchObject({ why: 'no_license' });
});

describe('the licence in force', () => {
  const inForce = (time: string, ...licenses: License[]) => licenseInForce(licenses, at(time))?.jti;
  const renewal = license({
    jti: 'lic-2',
    iat: secondsOf('2026-02-01T00:00:00Z'),
    nbf: secondsOf('2026-06-15T00:00:00Z'),
    exp: secondsOf('2026-06-20T00:00:00Z'),
  });

  it('is the newest, even where an older one would last longer', () => {
    expect(inForce('2026-06-25T00:00:00Z', license(), renewal)).toBe('lic-2');
  });

  it('stays in force until a renewal that is installed early begins', () => {
    expect(inForce('2026-06-14T23:59:59Z', renewal, license())).toBe('lic-1');
    expect(inForce('2026-06-15T00:00:00Z', renewal, license())).toBe('lic-2');
  });

  it('is the one that begins first while none has begun', () => {
    expect(inForce('2026-01-01T00:00:00Z', renewal, license())).toBe('lic-1');
  });

  it('is the same in each order where two were issued in one second', () => {
    const [longer, other] = [license({ jti: 'a', exp: renewal.exp + 1 }), license({ jti: 'b', exp: renewal.exp })];
    const time = '2026-03-01T00:00:00Z';
    expect([inForce(time, longer, other), inForce(time, other, longer)]).toEqual(['a', 'a']);
    const same = license({ jti: 'c', exp: longer.exp });
    expect([inForce(time, longer, same), inForce(time, same, longer)]).toEqual(['c', 'c']);
  });
});

it('keeps the newer of two leases, whichever arrives last', () => {
  const newer = lease({ jti: 'lease-2', iat: lease().iat + 1 });
  expect([newerLease(undefined, lease()), newerLease(lease(), newer), newerLease(newer, lease())]).toEqual([
    lease(),
    newer,
    newer,
  ]);
});

it('chooses the same of two leases of one second at every replica, a revocation first', () => {
  const [plain, other] = [lease({ jti: 'lease-2' }), lease({ jti: 'lease-3' })];
  const revoked = lease({ jti: 'lease-1', revoked: true });
  for (const [one, two, chosen] of [
    [plain, other, other],
    [plain, revoked, revoked],
    [other, revoked, revoked],
  ] as const) {
    expect([newerLease(one, two), newerLease(two, one)]).toEqual([chosen, chosen]);
  }
});
