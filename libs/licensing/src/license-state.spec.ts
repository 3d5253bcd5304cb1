import { ProblemError } from '@app/protocol';
import type { License } from './license-document';
import { assertLicensed, dayMs, licenseState } from './license-state';

const license = (change: Partial<License> = {}): License => ({
  id: 'lic-1',
  holder: 'Example Ltd',
  features: ['tts'],
  limits: {},
  issued_at: '2026-01-01T00:00:00Z',
  expires_at: '2026-07-01T00:00:00Z',
  grace_days: 7,
  key_id: '0123456789abcdef',
  ...change,
});

const at = (time: string): number => Date.parse(time);

it.each([
  ['2025-12-31T23:59:59Z', 'not_yet_valid', 0],
  ['2026-01-01T00:00:00Z', 'valid', 188 * dayMs],
  ['2026-06-30T23:59:59Z', 'valid', 7 * dayMs + 1_000],
  ['2026-07-01T00:00:00Z', 'in_grace', 7 * dayMs],
  ['2026-07-07T23:59:59Z', 'in_grace', 1_000],
  ['2026-07-08T00:00:00Z', 'expired', 0],
])('at %s it is %s', (time, standing, grantsForMs) => {
  expect(licenseState([license()], at(time))).toMatchObject({ standing, grantsForMs });
});

it('counts the newest licence, even where an older one would last longer', () => {
  const renewed = license({ id: 'lic-2', issued_at: '2026-02-01T00:00:00Z', expires_at: '2026-03-01T00:00:00Z' });
  const state = licenseState([license(), renewed, license()], at('2026-04-01T00:00:00Z'));
  expect([state.license.id, state.standing]).toEqual(['lic-2', 'expired']);
});

it('does not fall for a clock that was set back', () => {
  const floorMs = at('2026-08-01T00:00:00Z');
  expect(licenseState([license()], at('2026-06-01T00:00:00Z'), floorMs).standing).toBe('expired');
});

it('refuses to have a state without a licence', () => {
  expect(() => licenseState([], 0)).toThrow(ProblemError);
});

describe('assertLicensed', () => {
  const codeAt = (time: string, feature: string): string => {
    try {
      assertLicensed(licenseState([license()], at(time)), feature);
      return 'granted';
    } catch (error) {
      return (error as ProblemError).code;
    }
  };

  it.each([
    ['2025-12-31T00:00:00Z', 'tts', 'license_expired'],
    ['2026-05-01T00:00:00Z', 'tts', 'granted'],
    ['2026-07-02T00:00:00Z', 'tts', 'granted'],
    ['2026-05-01T00:00:00Z', 'stt', 'feature_not_licensed'],
    ['2026-07-09T00:00:00Z', 'tts', 'license_expired'],
    ['2026-07-09T00:00:00Z', 'stt', 'license_expired'],
  ])('at %s %s is %s', (time, feature, expected) => {
    expect(codeAt(time, feature)).toBe(expected);
  });
});
