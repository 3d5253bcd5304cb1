import { Test, type TestingModule } from '@nestjs/testing';
import { register } from 'prom-client';
import { errorMetrics } from './error-metrics';
import { gatewayMetrics, GatewayMetrics } from './gateway-metrics';
import { licenseMetrics, LicenseMetrics } from './license-metrics';

let testing: TestingModule;
let gateway: GatewayMetrics;
let license: LicenseMetrics;

beforeAll(async () => {
  const providers = [...errorMetrics, ...gatewayMetrics, ...licenseMetrics];
  testing = await Test.createTestingModule({ providers }).compile();
  [gateway, license] = [testing.get(GatewayMetrics), testing.get(LicenseMetrics)];
});
beforeEach(() => register.resetMetrics());

const valueOf = async (sample: string): Promise<number | undefined> => {
  const line = (await register.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

it('exports milliseconds as seconds', async () => {
  gateway.timeToFirstAudio('piper', 45);
  license.authorized('granted', 0.2);
  expect(await valueOf('antiphon_time_to_first_audio_seconds_sum{model="piper"}')).toBeCloseTo(0.045);
  expect(await valueOf('antiphon_license_authorize_seconds_sum')).toBeCloseTo(0.000_2);
});

it('counts what is open until its terminal event', async () => {
  gateway.opened('tts');
  gateway.opened('tts');
  gateway.ended('tts', 'cancelled');
  expect(await valueOf('antiphon_active_requests{kind="tts"}')).toBe(1);
  expect(await valueOf('antiphon_terminal_events_total{kind="tts",outcome="cancelled"}')).toBe(1);
});

it('calls waiting jobs unserviceable only where no worker serves their lane', async () => {
  gateway.laneLoad('tts.piper', { waiting: 5, running: 8, workers: 1 });
  gateway.laneLoad('stt.whisper', { waiting: 2, running: 0, workers: 0 });
  expect(await valueOf('antiphon_lane_workers{lane="tts.piper"}')).toBe(1);
  expect(await valueOf('antiphon_lane_jobs{lane="tts.piper",state="running"}')).toBe(8);
  expect(await valueOf('api_queue_size{offering="tts.piper"}')).toBe(5);
  expect(await valueOf('api_unserviceable_requests_size{offering="tts.piper"}')).toBe(0);
  expect(await valueOf('api_unserviceable_requests_size{offering="stt.whisper"}')).toBe(2);
});

it('exports what may happen before it does, so that its first time is a rise', async () => {
  await testing.init();
  expect(await valueOf('antiphon_errors_total{code="job_quarantined"}')).toBe(0);
  expect(await valueOf('antiphon_terminal_events_total{kind="stt",outcome="error"}')).toBe(0);
  expect(await valueOf('antiphon_authorize_seconds_count{outcome="kept"}')).toBe(0);
  expect(await valueOf('antiphon_license_requests_total{outcome="key_unknown"}')).toBe(0);
});

it('shows where the licence stands, and until when it grants', async () => {
  license.license({ standing: 'in_grace', expiresInMs: -5_000, grantsForMs: 60_000 });
  expect(await valueOf('antiphon_license_standing{standing="in_grace"}')).toBe(1);
  expect(await valueOf('antiphon_license_standing{standing="valid"}')).toBe(0);
  expect(await valueOf('antiphon_license_expires_in_seconds')).toBe(-5);
  expect(await valueOf('antiphon_license_grants_for_seconds')).toBe(60);
});

it('tells how long a lane took to wake, and how long a job of it may wait', async () => {
  gateway.laneBudget('tts.piper', 8_000);
  expect(await valueOf('antiphon_lane_wake_seconds_count{lane="tts.piper"}')).toBe(0);
  expect(await valueOf('antiphon_queue_wait_seconds_count{lane="tts.piper"}')).toBe(0);
  gateway.laneWoke('tts.piper', 21_000);
  expect(await valueOf('antiphon_lane_wait_budget_seconds{lane="tts.piper"}')).toBe(8);
  expect(await valueOf('antiphon_lane_wake_seconds_sum{lane="tts.piper"}')).toBe(21);
});

it('names every metric by the rules: our prefix or a name operators know, base units, help', async () => {
  const known = /^(api_queue_size|api_unserviceable_requests_size)$/;
  for (const { name, help, type } of await register.getMetricsAsJSON()) {
    expect(help).toMatch(/^[A-Z].*\.$/);
    if (known.test(name)) continue;
    expect(name).toMatch(/^antiphon_[a-z_]+$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|days|kb|mb)(_|$)/);
    expect([name, name.endsWith('_total')]).toEqual([name, String(type) === 'counter']);
  }
});
