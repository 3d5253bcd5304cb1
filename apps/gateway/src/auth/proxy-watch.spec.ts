import { Log } from '@app/platform';
import { nextCircuit } from './circuit';
import { proxyReach } from './proxy-reach';
import { ProxyWatch } from './proxy-watch';

const graceMs = 100_000;
const lines: { readonly msg: string; readonly restShare?: number }[] = [];
const measured: { state: string; restMs: number; restShare: number }[] = [];

let isReady: boolean;
let watch: ProxyWatch;

beforeEach(() => {
  jest.useFakeTimers();
  isReady = false;
  lines.splice(0);
  measured.splice(0);
  watch = new ProxyWatch({
    timeoutMs: 1_000,
    probeMs: 500,
    probe: () => (isReady ? Promise.resolve(true) : Promise.reject(new Error('refused'))),
    metrics: {
      circuit: () => undefined,
      timedOut: () => undefined,
      reach: (state, restMs, restShare) => void measured.push({ state, restMs, restShare }),
    },
    log: Log.create('gateway', 'info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) }),
  });
});
afterEach(() => {
  watch.close();
  jest.useRealTimers();
});

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const warned = (): unknown[] => lines.flatMap(({ restShare }) => restShare ?? []);

it('counts the grace down without any request, and warns once at 50, 20 and 5 %', async () => {
  watch.answered(graceMs);
  watch.failed(new Error('refused'));
  await pass(graceMs / 2 - 1_000);
  expect(watch.reach).toMatchObject({ state: 'grace' });
  expect(warned()).toEqual([]);
  await pass(2_000);
  expect(warned()).toEqual([0.5]);
  await pass(30_000);
  expect(warned()).toEqual([0.5, 0.2]);
  expect(measured.at(-1)?.restMs).toBeLessThan(20_000);
  await pass(20_000);
  expect(warned()).toEqual([0.5, 0.2, 0.05]);
  expect(watch.reach).toMatchObject({ state: 'refused' });
  expect(measured.at(-1)).toEqual({ state: 'refused', restMs: 0, restShare: 0 });
});

it('is active again as soon as a probe finds the license app ready, and warns anew in the next outage', async () => {
  for (let outage = 0; outage < 2; outage++) {
    isReady = false;
    watch.answered(graceMs);
    watch.failed(new Error('refused'));
    await pass(graceMs / 2 + 1_000);
    isReady = true;
    await pass(500);
    expect(watch.reach).toEqual({ state: 'active' });
    expect(measured.at(-1)).toEqual({ state: 'active', restMs: graceMs, restShare: 1 });
  }
  expect(warned()).toEqual([0.5, 0.5]);
});

it('refuses at once where there never was a decision to keep', () => {
  expect(watch.reach).toEqual({ state: 'active' });
  watch.failed(new Error('refused'));
  expect(watch.reach).toMatchObject({ state: 'refused' });
});

it('ends the grace to the millisecond', () => {
  const facts = { lostAtMs: 10, keptUntilMs: 100 };
  expect(proxyReach(facts, 99)).toEqual({ state: 'grace', sinceMs: 10, untilMs: 100 });
  expect(proxyReach(facts, 100)).toEqual({ state: 'refused', sinceMs: 10 });
});

it('closes the circuit by an answer alone, and probes only an open one', () => {
  const open = nextCircuit({ state: 'closed' }, 'timed_out', 5, 100);
  expect(open).toEqual({ state: 'open', untilMs: 105 });
  expect(nextCircuit({ state: 'closed' }, 'probe_due', 0, 100)).toEqual({ state: 'closed' });
  const halfOpen = nextCircuit(open, 'probe_due', 105, 100);
  expect(halfOpen).toEqual({ state: 'half_open' });
  expect(nextCircuit(halfOpen, 'timed_out', 200, 100)).toEqual({ state: 'open', untilMs: 300 });
  expect(nextCircuit(halfOpen, 'answered', 200, 100)).toEqual({ state: 'closed' });
});
