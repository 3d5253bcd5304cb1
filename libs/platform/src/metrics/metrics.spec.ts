import { Test, type TestingModule } from '@nestjs/testing';
import { register } from 'prom-client';
import { errorMetrics } from './error-metrics';
import { inferenceMetrics, InferenceMetrics } from './inference-metrics';
import { licenseMetrics, LicenseMetrics } from './license-metrics';

let testing: TestingModule;
let inference: InferenceMetrics;
let license: LicenseMetrics;

beforeAll(async () => {
  const providers = [...errorMetrics, ...inferenceMetrics, ...licenseMetrics];
  testing = await Test.createTestingModule({ providers }).compile();
  [inference, license] = [testing.get(InferenceMetrics), testing.get(LicenseMetrics)];
});
beforeEach(() => register.resetMetrics());

const valueOf = async (sample: string): Promise<number | undefined> => {
  const line = (await register.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

it('exports milliseconds as seconds', async () => {
  inference.step('vits', 'decode', 3, 20);
  license.authorized('granted', 0.2);
  expect(await valueOf('antiphon_step_seconds_sum{engine="vits",operation="decode"}')).toBeCloseTo(0.02);
  expect(await valueOf('antiphon_license_authorize_seconds_sum')).toBeCloseTo(0.000_2);
});

it('shows how full steps are', async () => {
  for (const requests of [1, 2, 8]) inference.step('vits', 'decode', requests, 5);
  const labels = 'le="1",engine="vits",operation="decode"';
  expect(await valueOf(`antiphon_step_requests_bucket{${labels}}`)).toBe(1);
  expect(await valueOf('antiphon_step_requests_sum{engine="vits",operation="decode"}')).toBe(11);
});

it('shows seats per lane, and load and capacity of the worker over all lanes', async () => {
  inference.seats('tts.piper', 8, 3);
  inference.seats('stt.whisper', 4, 4);
  inference.seats('tts.piper', 8, 2);
  expect(await valueOf('antiphon_busy_seats{lane="tts.piper"}')).toBe(2);
  expect(await valueOf('inferno_worker_load')).toBe(6);
  expect(await valueOf('inferno_worker_capacity')).toBe(12);
});

it('exports what may happen before it does, so that its first time is a rise', async () => {
  await testing.init();
  inference.seats('tts.waiting', 8, 0);
  expect(await valueOf('antiphon_errors_total{code="job_quarantined"}')).toBe(0);
  expect(await valueOf('antiphon_license_requests_total{outcome="key_unknown"}')).toBe(0);
  expect(await valueOf('antiphon_engine_restarts_total{engine="tts.waiting"}')).toBe(0);
  expect(await valueOf('antiphon_jobs_total{lane="tts.waiting",outcome="handed_back"}')).toBe(0);
});

it('shows where the licence stands, and until when it grants', async () => {
  license.license({ standing: 'in_grace', expiresInMs: -5_000, grantsForMs: 60_000 });
  expect(await valueOf('antiphon_license_standing{standing="in_grace"}')).toBe(1);
  expect(await valueOf('antiphon_license_standing{standing="valid"}')).toBe(0);
  expect(await valueOf('antiphon_license_expires_in_seconds')).toBe(-5);
  expect(await valueOf('antiphon_license_grants_for_seconds')).toBe(60);
});

it('names every metric by the rules: our prefix or a name operators know, base units, help', async () => {
  const known = /^(inferno_worker_(load|capacity|ttfa|rtf)|api_queue_size|api_unserviceable_requests_size)$/;
  for (const { name, help, type } of await register.getMetricsAsJSON()) {
    expect(help).toMatch(/^[A-Z].*\.$/);
    if (known.test(name)) continue;
    expect(name).toMatch(/^antiphon_[a-z_]+$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|days|kb|mb)(_|$)/);
    expect([name, name.endsWith('_total')]).toEqual([name, String(type) === 'counter']);
  }
});
