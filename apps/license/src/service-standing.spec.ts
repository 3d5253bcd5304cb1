import { dayMs, defaultGrace, type Lease } from '@app/licensing';
import { testLicense } from '../../../test/support/test-license';
import { ServiceStanding } from './service-standing';

const start = Date.parse('2026-01-01T00:00:00Z');
const iat = start / 1_000;
const license = testLicense({
  iat,
  nbf: iat,
  exp: iat + 30 * 86_400,
  grace: { ...defaultGrace, expiryDays: 1, lostContactDays: 2 },
});
const lease: Lease = { jti: 'lease-1', license: 'lic-1', iat, exp: iat + 86_400, checkInSeconds: 3_600 };

let wallMs: number;
const clocks = () => ({ wallMs, monotonicMs: wallMs });
beforeEach(() => (wallMs = start));

it('takes a newer licence without a restart', () => {
  const standing = new ServiceStanding('airgapped', [license], clocks);
  expect(standing.grantsForMs()).toBe(31 * dayMs);
  standing.install([license, { ...license, jti: 'lic-2', iat: iat + 1, exp: iat + 60 * 86_400 }]);
  expect([standing.license()?.jti, standing.grantsForMs()]).toEqual(['lic-2', 61 * dayMs]);
});

it.each([
  ['earlier', 2],
  ['later', 60],
])('says until when the state lasts where a licence that begins later ends %s', (_, days) => {
  const strict = { ...license, grace: { ...license.grace, expiryDays: 0 } };
  const next = { ...strict, jti: 'lic-2', iat: iat + 1, nbf: iat + 86_400, exp: iat + days * 86_400 };
  wallMs += 2_000;
  const standing = new ServiceStanding('airgapped', [strict, next], clocks);
  expect(standing.state()).toEqual({ state: 'active', untilMs: start + days * dayMs });
  expect(standing.grantsForMs()).toBe(days * dayMs - 2_000);
});

it('takes leases, of which the newest counts', () => {
  const standing = new ServiceStanding('connected', [license], clocks);
  expect(standing.state()).toMatchObject({ state: 'grace', why: 'lost_contact' });
  standing.renew({ ...lease, jti: 'lease-2', iat: iat + 60, exp: iat + 2 * 86_400 });
  standing.renew(lease);
  expect(standing.state()).toEqual({ state: 'active', untilMs: start + 2 * dayMs });
});

it('takes the time that another replica has seen, and knows the time of the vendor in a lease', () => {
  const standing = new ServiceStanding('connected', [license], clocks);
  standing.renew({ ...lease, iat: iat + 3_600 });
  expect(standing.highWaterMs).toBe(start + 3_600_000);
  standing.raise(start + 40 * dayMs);
  expect([standing.state().state, standing.grantsForMs()]).toEqual(['refused', 0]);
});

it('counts a mark that arrives late from its arrival on, not from the last reading of the clock', () => {
  const standing = new ServiceStanding('airgapped', [license], clocks);
  wallMs += 3_600_000;
  standing.raise(start + 20 * dayMs);
  expect(standing.timeMs()).toBe(start + 20 * dayMs);
  wallMs += 1_000;
  expect(standing.timeMs()).toBe(start + 20 * dayMs + 1_000);
});

describe('a clock that changes after the start', () => {
  const endMs = start + 31 * dayMs;
  let monotonicMs: number;
  let standing: ServiceStanding;
  const startAt = (ms: number) => {
    [wallMs, monotonicMs] = [ms, 0];
    standing = new ServiceStanding('airgapped', [license], () => ({ wallMs, monotonicMs }));
  };
  const stateAfter = (passedMs: number, jumpMs = 0) => {
    monotonicMs += passedMs;
    wallMs += passedMs + jumpMs;
    return standing.state().state;
  };

  it('gives no service after the end when it is set back, in the first minutes of a process too', () => {
    startAt(endMs - 1_000);
    expect(stateAfter(0)).toBe('grace');
    expect(stateAfter(2_000)).toBe('refused');
    expect(stateAfter(2_000, -dayMs)).toBe('refused');
    expect(standing.timeMs()).toBe(endMs + 3_000);
  });

  it('gives none when it is set back before the end is reached', () => {
    startAt(endMs - 60_000);
    expect(stateAfter(1_000, -40 * dayMs)).toBe('grace');
    expect(stateAfter(58_000)).toBe('grace');
    expect(stateAfter(1_000)).toBe('refused');
  });

  it('refuses none before the end after a short jump ahead, and persists no time that has not settled', () => {
    startAt(start);
    expect(stateAfter(1_000, 1_000 * dayMs)).toBe('refused');
    expect(stateAfter(60_000, -1_000 * dayMs)).toBe('active');
    expect(standing.timeMs()).toBe(start + 61_000);
    expect(standing.highWaterMs).toBe(-Infinity);
  });
});
