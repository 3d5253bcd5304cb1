import { Test, type TestingModule } from '@nestjs/testing';
import { register } from 'prom-client';
import { errorMetrics } from './error-metrics';
import { gatewayMetrics, GatewayMetrics } from './gateway-metrics';
import { inferenceMetrics, InferenceMetrics } from './inference-metrics';

let testing: TestingModule;
let gateway: GatewayMetrics;
let inference: InferenceMetrics;

beforeAll(async () => {
  const providers = [...errorMetrics, ...gatewayMetrics, ...inferenceMetrics];
  testing = await Test.createTestingModule({ providers }).compile();
  [gateway, inference] = [testing.get(GatewayMetrics), testing.get(InferenceMetrics)];
});
beforeEach(() => register.resetMetrics());

const valueOf = async (sample: string): Promise<number | undefined> => {
  const line = (await register.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

it('exports milliseconds as seconds', async () => {
  gateway.timeToFirstAudio('piper', 45);
  inference.step('vits', 'decode', 3, 20);
  expect(await valueOf('antiphon_time_to_first_audio_seconds_sum{model="piper"}')).toBeCloseTo(0.045);
  expect(await valueOf('antiphon_step_seconds_sum{engine="vits",operation="decode"}')).toBeCloseTo(0.02);
});

it('counts what is open until its terminal event', async () => {
  gateway.opened('tts');
  gateway.opened('tts');
  gateway.ended('tts', 'cancelled');
  expect(await valueOf('antiphon_active_requests{kind="tts"}')).toBe(1);
  expect(await valueOf('antiphon_terminal_events_total{kind="tts",outcome="cancelled"}')).toBe(1);
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
  inference.seats('tts.waiting', 8, 0);
  expect(await valueOf('antiphon_errors_total{code="job_quarantined"}')).toBe(0);
  expect(await valueOf('antiphon_terminal_events_total{kind="stt",outcome="error"}')).toBe(0);
  expect(await valueOf('antiphon_authorize_seconds_count{outcome="kept"}')).toBe(0);
  expect(await valueOf('antiphon_engine_restarts_total{engine="tts.waiting"}')).toBe(0);
  expect(await valueOf('antiphon_jobs_total{lane="tts.waiting",outcome="handed_back"}')).toBe(0);
});

it('tells how long a lane took to wake, and how long a job of it may wait', async () => {
  gateway.laneBudget('tts.piper', 8_000);
  expect(await valueOf('antiphon_lane_wake_seconds_count{lane="tts.piper"}')).toBe(0);
  expect(await valueOf('antiphon_queue_wait_seconds_count{lane="tts.piper"}')).toBe(0);
  gateway.laneWoke('tts.piper', 21_000);
  expect(await valueOf('antiphon_lane_wait_budget_seconds{lane="tts.piper"}')).toBe(8);
  expect(await valueOf('antiphon_lane_wake_seconds_sum{lane="tts.piper"}')).toBe(21);
});
