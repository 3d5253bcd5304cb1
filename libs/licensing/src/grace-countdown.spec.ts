import { testLicense } from '../../../test/support/test-license';
import { graceCountdowns } from './grace-countdown';
import type { Lease } from './lease-document';
import { defaultGrace } from './license-document';
import { dayMs, serviceState, type LicenseMode } from './service-state';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const day = (days: number): number => startMs / 1_000 + days * 86_400;
const license = testLicense({
  iat: day(0),
  nbf: day(0),
  exp: day(100),
  grace: { ...defaultGrace, expiryDays: 10, lostContactDays: 20 },
});
const lease: Lease = { jti: 'lease-1', license: 'lic-1', iat: day(0), exp: day(3), checkInSeconds: 3_600 };

const at = (days: number, mode: LicenseMode = 'connected', given: Lease | undefined = lease) =>
  graceCountdowns({ mode, licenses: [license], lease: given, nowMs: startMs + days * dayMs });

const shown = (days: number) => {
  const { expiry, lost_contact: contact } = at(days);
  return [expiry, contact].map((countdown) => countdown && [countdown.restMs / dayMs, countdown.restShare]);
};

it.each([
  [0, [110, 1], [23, 1]],
  [3, [107, 1], [20, 1]],
  [13, [97, 1], [10, 0.5]],
  [22, [88, 1], [1, 0.05]],
  [23, [87, 1], [0, 0]],
  [100, [10, 1], [0, 0]],
  [108, [2, 0.2], [0, 0]],
  [110, [0, 0], [0, 0]],
])('counts both causes down at once: day %d', (days, expiry, contact) => {
  expect(shown(days)).toEqual([expiry, contact]);
});

it('knows no loss of contact in air-gapped mode, and no cause without a licence', () => {
  expect(Object.keys(at(50, 'airgapped'))).toEqual(['expiry']);
  expect(graceCountdowns({ mode: 'connected', licenses: [], nowMs: startMs })).toEqual({});
});

it('counts neither cause as begun by a licence that begins later or is revoked', () => {
  expect(at(-5, 'airgapped').expiry).toMatchObject({ restMs: 115 * dayMs, restShare: 1 });
  expect(at(1, 'connected', { ...lease, revoked: true }).lost_contact).toMatchObject({
    restMs: 22 * dayMs,
    restShare: 1,
  });
});

it('shows a grace of no length as whole until it ends', () => {
  const strict = { ...license, grace: { ...license.grace, expiryDays: 0 } };
  const shareAt = (nowMs: number) =>
    graceCountdowns({ mode: 'airgapped', licenses: [strict], nowMs }).expiry?.restShare;
  expect([shareAt(day(100) * 1_000 - 1), shareAt(day(100) * 1_000)]).toEqual([1, 0]);
});

it('is at 0 for a cause exactly while that cause refuses, over two years', () => {
  for (let hour = 0; hour < 2 * 365 * 24; hour += 5) {
    const { expiry, lost_contact: contact } = at(hour / 24);
    const { state } = serviceState({
      mode: 'connected',
      licenses: [license],
      lease,
      nowMs: startMs + hour * 3_600_000,
    });
    const isOver = [expiry, contact].some((countdown) => countdown?.restMs === 0);
    expect([hour, isOver]).toEqual([hour, state === 'refused']);
  }
});
