import { Test } from '@nestjs/testing';
import { register } from 'prom-client';
import { inferenceMetrics, InferenceMetrics } from './inference-metrics';

let inference: InferenceMetrics;

beforeAll(async () => {
  const testing = await Test.createTestingModule({ providers: [...inferenceMetrics] }).compile();
  inference = testing.get(InferenceMetrics);
});
beforeEach(() => register.resetMetrics());

const valueOf = async (sample: string): Promise<number | undefined> => {
  const line = (await register.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

it('exports milliseconds as seconds', async () => {
  inference.step('vits', 'decode', 3, 20);
  expect(await valueOf('antiphon_step_seconds_sum{engine="vits",operation="decode"}')).toBeCloseTo(0.02);
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
  inference.seats('tts.waiting', 8, 0);
  expect(await valueOf('antiphon_engine_restarts_total{engine="tts.waiting"}')).toBe(0);
  expect(await valueOf('antiphon_jobs_total{lane="tts.waiting",outcome="handed_back"}')).toBe(0);
});

it('names every metric by the rules: our prefix or a name operators know, base units, help', async () => {
  for (const { name, help, type } of await register.getMetricsAsJSON()) {
    expect(help).toMatch(/^[A-Z].*\.$/);
    if (/^inferno_worker_(load|capacity|ttfa|rtf)$/.test(name)) continue;
    expect(name).toMatch(/^antiphon_[a-z_]+$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|days|kb|mb)(_|$)/);
    expect([name, name.endsWith('_total')]).toEqual([name, String(type) === 'counter']);
  }
});
