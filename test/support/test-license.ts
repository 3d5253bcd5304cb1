import { defaultGrace, type License } from '@app/licensing';

/** Seconds since 1970 of a date. */
export const secondsOf = (date: string): number => Date.parse(date) / 1_000;

/** A licence to speak in the first half of 2026, for any deployment and without limits, but for the changes. */
export const testLicense = (change: Partial<License> = {}): License => ({
  jti: 'lic-1',
  sub: 'Example Ltd',
  features: ['tts'],
  limits: {},
  iat: secondsOf('2026-01-01'),
  nbf: secondsOf('2026-01-01'),
  exp: secondsOf('2026-07-01'),
  grace: defaultGrace,
  ...change,
});
