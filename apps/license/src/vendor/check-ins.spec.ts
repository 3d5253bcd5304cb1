import type { Lease } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { FakeLink, outage } from '../../test/support/fake-link';
import { CheckIns, type CheckInParts } from './check-ins';
import type { VendorOutcome } from './vendor-outcome';

const checkInSeconds = 1_000;
const leaseOf = (iat: number): Lease => ({
  jti: `lease-${iat}`,
  license: 'lic-1',
  iat,
  exp: iat + 9_000,
  checkInSeconds,
});
const answer = { outcome: 'answered', answer: { lease: 'lease-text' } } as const;

let lease: Lease | undefined;
let taken: string[];
let reported: number;
beforeEach(() => {
  lease = undefined;
  taken = [];
  reported = 0;
});

function checkIns(link: FakeLink, more: Partial<CheckInParts> = {}): CheckIns {
  return new CheckIns(link, {
    state: () => 'active',
    lease: () => lease,
    takeLease: async (text) => {
      taken.push(text);
      lease = leaseOf(link.clockMs / 1_000);
      return Promise.resolve(lease);
    },
    timeMs: () => link.clockMs,
    onLease: () => reported++,
    ...more,
  });
}

it('checks in at start and takes the lease, then waits for its interval', async () => {
  const link = new FakeLink(() => answer);
  const parts = checkIns(link, { auditKeyId: () => '0123456789abcdef' });
  await parts.tick();
  expect(link.sent).toEqual([
    {
      path: '/v1/check-in',
      request: { ...link.caller(), version: '0.1.0', state: 'active', auditKeyId: '0123456789abcdef' },
    },
  ]);
  expect([taken, reported, link.measured]).toEqual([['lease-text'], 1, ['check-in lease_taken']]);
  link.clockMs = 899_999;
  await parts.tick();
  expect(link.sent).toHaveLength(1);
  link.clockMs = 900_000;
  await parts.tick();
  expect(link.sent).toHaveLength(2);
});

it('does not check in at start where a lease is fresh', async () => {
  lease = leaseOf(0);
  const link = new FakeLink(() => answer);
  link.clockMs = 500_000;
  const parts = checkIns(link);
  await parts.tick();
  expect([link.sent, parts.dueMs]).toEqual([[], 900_000]);
});

it('waits anew where another replica has received a lease', async () => {
  const link = new FakeLink(() => answer);
  const parts = checkIns(link);
  await parts.tick();
  link.clockMs = 890_000;
  lease = leaseOf(889);
  await parts.tick();
  expect(parts.dueMs).toBe(890_000 + 900_000);
  expect([link.sent.length, reported]).toEqual([1, 1]);
});

it('is saved from its retries by the lease of another replica', async () => {
  const link = new FakeLink(() => outage);
  const parts = checkIns(link);
  await parts.tick();
  expect(parts.failure).toMatchObject({ outcome: 'unreachable' });
  lease = leaseOf(0);
  await parts.tick();
  expect([parts.failure, parts.dueMs]).toEqual([undefined, 900_000]);
});

it.each<[string, VendorOutcome<object>, object]>([
  ['402', { outcome: 'refused', status: 402, code: 'license_revoked' }, { outcome: 'refused', why: 'license_revoked' }],
  ['403', { outcome: 'refused', status: 403, code: 'http_403' }, { outcome: 'refused', why: 'http_403' }],
  ['outage', outage, { outcome: 'unreachable', why: 'connection: ECONNREFUSED' }],
])('changes nothing after a %s but the time of the next try', async (_, outcome, failure) => {
  lease = leaseOf(0);
  const link = new FakeLink(() => outcome);
  const parts = checkIns(link);
  link.clockMs = 900_000;
  await parts.tick();
  expect(parts.failure).toMatchObject({ request: 'check-in', ...failure });
  expect([taken, lease, reported]).toEqual([[], leaseOf(0), 0]);
  expect(parts.dueMs).toBe(900_000 + 45_000);
  expect(link.lines).toMatchObject([{ msg: 'check-in failed', ...failure, retryInMs: 45_000 }]);
});

it('says why a lease cannot be used, keeps the one in force, and tries again', async () => {
  lease = leaseOf(0);
  const link = new FakeLink(() => answer);
  const takeLease = () => Promise.reject(new ProblemError('license_invalid', { detail: 'It was changed.' }));
  const parts = checkIns(link, { takeLease });
  link.clockMs = 900_000;
  await parts.tick();
  expect(parts.failure).toMatchObject({ outcome: 'lease_invalid', why: 'license_invalid: It was changed.' });
  expect([lease, link.measured]).toEqual([leaseOf(0), ['check-in lease_invalid']]);
  link.clockMs = 945_000;
  await parts.tick();
  expect(link.sent).toHaveLength(2);
});

it('takes an answer with an older lease than the one in force for no contact, and tries again', async () => {
  lease = leaseOf(500);
  const link = new FakeLink(() => answer);
  link.clockMs = 500_000;
  const parts = checkIns(link, { takeLease: () => Promise.resolve(leaseOf(499)) });
  link.clockMs = 1_400_000;
  await parts.tick();
  expect(parts.failure).toMatchObject({ outcome: 'lease_invalid', why: expect.stringMatching(/older/) as string });
  expect([lease, reported, link.measured]).toEqual([leaseOf(500), 0, ['check-in lease_invalid']]);
  expect(parts.dueMs).toBe(1_400_000 + 45_000);
});

it('takes an older lease where the newer one was forgotten', async () => {
  lease = leaseOf(500);
  const link = new FakeLink(() => answer);
  const parts = checkIns(link, { takeLease: () => Promise.resolve((lease = leaseOf(499))) });
  lease = undefined;
  link.clockMs = 1_400_000;
  await parts.tick();
  expect([parts.failure, reported]).toEqual([undefined, 1]);
});

it('sends nothing without a licence, and checks in once there is one', async () => {
  const link = new FakeLink(() => answer);
  link.license = undefined;
  const parts = checkIns(link);
  await parts.tick();
  expect([link.sent, parts.failure?.outcome]).toEqual([[], 'no_license']);
  link.license = 'installed';
  link.clockMs = 60_000;
  await parts.tick();
  expect([taken, parts.failure]).toEqual([['lease-text'], undefined]);
});

it('renews a lease that has ended by the clock that counts, after 15 minutes', async () => {
  lease = { ...leaseOf(0), checkInSeconds: 4_000 };
  const link = new FakeLink(() => outage);
  let timeMs = 0;
  const parts = checkIns(link, { timeMs: () => timeMs });
  timeMs = 9_000_000;
  link.clockMs = 899_999;
  await parts.tick();
  expect(link.sent).toEqual([]);
  link.clockMs = 900_000;
  await parts.tick();
  expect(link.sent).toHaveLength(1);
});

it('has one check-in under way at a time, and no due time meanwhile', async () => {
  let finish: (outcome: VendorOutcome<object>) => void = () => undefined;
  const link = new FakeLink(() => new Promise((resolve) => (finish = resolve)));
  const parts = checkIns(link);
  const first = parts.tick();
  link.clockMs = 10 * 900_000;
  await parts.tick();
  expect([link.sent.length, parts.dueMs]).toEqual([1, undefined]);
  finish(answer);
  await first;
  expect(taken).toEqual(['lease-text']);
});

it('tries again where something of the license app failed', async () => {
  const link = new FakeLink(() => answer);
  let isBroken = true;
  const state = (): 'active' => {
    if (isBroken) throw new Error('broken');
    return 'active';
  };
  const parts = checkIns(link, { state });
  await parts.tick();
  expect(parts.failure).toMatchObject({ why: expect.stringMatching(/^internal/) as string });
  isBroken = false;
  link.clockMs = 60_000;
  await parts.tick();
  expect(taken).toEqual(['lease-text']);
});

it('logs neither the licence nor the lease', async () => {
  const link = new FakeLink(() => answer);
  await checkIns(link).tick();
  expect(JSON.stringify(link.lines)).not.toMatch(/the-license|lease-text/);
});
