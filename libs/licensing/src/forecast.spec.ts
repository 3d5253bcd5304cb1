import { secondsOf, testLicense } from '../../../test/support/test-license';
import { assertLicensed } from './assert-licensed';
import { forecast, rehearse, serviceEndMs } from './forecast';
import { defaultGrace, type License } from './license-document';
import type { ServiceFacts } from './service-state';

const at = (time: string): number => Date.parse(time);

const license = (change: Partial<License> = {}): License =>
  testLicense({
    grace: { ...defaultGrace, expiryDays: 7, lostContactDays: 3 },
    ...change,
  });
const facts = (time: string, change: Partial<ServiceFacts> = {}): ServiceFacts => ({
  mode: 'airgapped',
  licenses: [license()],
  nowMs: at(time),
  ...change,
});
const lease = { jti: 'l', license: 'lic-1', iat: secondsOf('2026-05-01T00:00:00Z'), checkInSeconds: 60 };

const lines = (of: ServiceFacts): string[] =>
  forecast(of).map(({ atMs, state, licenseId }) => {
    const why = 'why' in state ? ` ${state.why}` : '';
    return `${new Date(atMs).toISOString().slice(0, 10)} ${licenseId} ${state.state}${why}`;
  });

it('lists grace and refusal of an air-gapped licence', () => {
  expect(lines(facts('2026-05-01T00:00:00Z'))).toEqual([
    '2026-07-01 lic-1 grace expiry',
    '2026-07-08 lic-1 refused expired',
  ]);
});

it('lists only what is still to come', () => {
  expect(lines(facts('2026-07-01T00:00:00Z'))).toEqual(['2026-07-08 lic-1 refused expired']);
  expect(lines(facts('2026-07-08T00:00:00Z'))).toEqual([]);
  expect(lines(facts('2025-12-01T00:00:00Z', { highWaterMs: at('2026-07-02T00:00:00Z') }))).toHaveLength(1);
});

it('lists the loss of contact that comes first, and the cause that changes within the grace', () => {
  const connected = facts('2026-05-01T00:00:00Z', {
    mode: 'connected',
    lease: { ...lease, exp: secondsOf('2026-07-03T00:00:00Z') },
  });
  expect(lines(connected)).toEqual([
    '2026-07-01 lic-1 grace expiry',
    '2026-07-03 lic-1 grace lost_contact',
    '2026-07-06 lic-1 refused lost_contact',
  ]);
  expect(serviceEndMs(connected)).toBe(at('2026-07-06T00:00:00Z'));
});

it('lists the change to a renewal, with service between if it begins in time', () => {
  const renewal = (nbf: string): License =>
    license({
      jti: 'lic-2',
      iat: secondsOf('2026-05-01T00:00:00Z'),
      nbf: secondsOf(nbf),
      exp: secondsOf('2027-01-01T00:00:00Z'),
    });
  const inTime = facts('2026-05-01T00:00:00Z', { licenses: [license(), renewal('2026-06-15T00:00:00Z')] });
  expect(lines(inTime)).toEqual([
    '2026-06-15 lic-2 active',
    '2027-01-01 lic-2 grace expiry',
    '2027-01-08 lic-2 refused expired',
  ]);
  expect(serviceEndMs(inTime)).toBe(at('2027-01-08T00:00:00Z'));
  const late = facts('2026-05-01T00:00:00Z', { licenses: [license(), renewal('2026-08-01T00:00:00Z')] });
  expect(lines(late).slice(1, 3)).toEqual(['2026-07-08 lic-1 refused expired', '2026-08-01 lic-2 active']);
  expect(serviceEndMs(late)).toBe(at('2026-07-08T00:00:00Z'));
});

it('has its end now where requests are refused already', () => {
  const nowMs = at('2026-09-01T00:00:00Z');
  expect(serviceEndMs(facts('2026-09-01T00:00:00Z'))).toBe(nowMs);
  expect(serviceEndMs(facts('2026-09-01T00:00:00Z', { licenses: [] }))).toBe(nowMs);
});

it('rehearses up to a date and says what clients get', () => {
  const steps = rehearse(facts('2026-05-01T00:00:00Z'), at('2026-07-08T00:00:00Z'));
  expect(steps.map(({ state, answer }) => [state.state, answer])).toEqual([
    ['active', { status: 200 }],
    ['grace', { status: 200 }],
    ['refused', { status: 402, code: 'license_expired', message: expect.stringMatching(/operator/) as string }],
  ]);
  expect(rehearse(facts('2026-05-01T00:00:00Z'), at('2026-07-07T23:59:59Z'))).toHaveLength(2);
});

describe('assertLicensed', () => {
  const outcome = (time: string, feature: string, model?: string, change: Partial<License> = {}): string => {
    try {
      return assertLicensed(facts(time, { licenses: [license(change)] }), { feature, model }).jti;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each([
    ['2025-12-31T00:00:00Z', 'tts', 'license_not_yet_valid'],
    ['2026-05-01T00:00:00Z', 'tts', 'lic-1'],
    ['2026-07-02T00:00:00Z', 'tts', 'lic-1'],
    ['2026-05-01T00:00:00Z', 'stt', 'feature_not_licensed'],
    ['2026-07-09T00:00:00Z', 'stt', 'license_expired'],
  ])('at %s %s gives %s', (time, feature, expected) => {
    expect(outcome(time, feature)).toBe(expected);
  });

  it('has a code of its own for each refusal', () => {
    const connected = facts('2026-05-01T00:00:00Z', { mode: 'connected' });
    const codeOf = (of: ServiceFacts): unknown => {
      try {
        return assertLicensed(of, { feature: 'tts' });
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf(connected)).toBe('license_contact_lost');
    expect(codeOf({ ...connected, lease: { ...lease, exp: lease.iat + 60, revoked: true } })).toBe('license_revoked');
    expect(codeOf({ ...connected, licenses: [] })).toBe('license_missing');
  });

  it('checks the model where the licence names models and the request names one', () => {
    const time = '2026-05-01T00:00:00Z';
    expect(outcome(time, 'tts', 'piper', { models: ['piper'] })).toBe('lic-1');
    expect(outcome(time, 'tts', undefined, { models: ['piper'] })).toBe('lic-1');
    expect(outcome(time, 'tts', 'kokoro', { models: ['piper'] })).toBe('model_not_licensed');
    expect(outcome(time, 'tts', 'kokoro')).toBe('lic-1');
  });
});
