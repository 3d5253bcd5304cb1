import { Test, type TestingModule } from '@nestjs/testing';
import { register } from 'prom-client';
import { licenseMetrics, LicenseMetrics } from './license-metrics';

let testing: TestingModule;
let metrics: LicenseMetrics;

beforeAll(async () => {
  testing = await Test.createTestingModule({ providers: [...licenseMetrics] }).compile();
  metrics = testing.get(LicenseMetrics);
});
beforeEach(() => register.resetMetrics());

const valueOf = async (sample: string): Promise<number | undefined> => {
  const line = (await register.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

it('exports milliseconds as seconds', async () => {
  metrics.authorized('granted', 0.2);
  expect(await valueOf('antiphon_license_authorize_seconds_sum')).toBeCloseTo(0.000_2);
});

it('exports every outcome as 0 before its first event', async () => {
  await testing.init();
  expect(await valueOf('antiphon_license_requests_total{outcome="key_unknown"}')).toBe(0);
});

it('shows where the licence stands, and until when it grants', async () => {
  metrics.license({ standing: 'in_grace', expiresInMs: -5_000, grantsForMs: 60_000 });
  expect(await valueOf('antiphon_license_standing{standing="in_grace"}')).toBe(1);
  expect(await valueOf('antiphon_license_standing{standing="valid"}')).toBe(0);
  expect(await valueOf('antiphon_license_expires_in_seconds')).toBe(-5);
  expect(await valueOf('antiphon_license_grants_for_seconds')).toBe(60);
});
