import type { TelemetryRow } from '@app/licensing';
import { FakeLink, outage } from '../../test/support/fake-link';
import { monthsAt, Telemetry } from './telemetry';
import type { VendorOutcome } from './vendor-outcome';

const hourMs = 3_600_000;
const row: TelemetryRow = {
  model: 'piper',
  kind: 'tts',
  requests: 3,
  characters: 40,
  audioSamples: 9,
  sampleRateHz: 24_000,
};
const accepted: VendorOutcome<object> = { outcome: 'answered', answer: {} };
const may = (day: number): number => Date.UTC(2026, 4, day);
const months = (link: FakeLink): unknown[] => link.sent.map(({ request }) => request['month']);

it('reports the totals of the month after a check-in', async () => {
  const link = new FakeLink(() => accepted);
  const telemetry = new Telemetry(
    link,
    () => [row],
    () => may(20),
  );
  await telemetry.tick();
  expect(link.sent).toEqual([]);
  telemetry.soon();
  await telemetry.tick();
  expect(link.sent).toEqual([{ path: '/v1/telemetry', request: { ...link.caller(), month: '2026-05', rows: [row] } }]);
  expect(link.measured).toEqual(['report accepted']);
});

it('reports at least daily without a check-in, over a simulated month', async () => {
  const link = new FakeLink(() => accepted);
  const telemetry = new Telemetry(
    link,
    () => [],
    () => may(20),
  );
  const times: number[] = [];
  for (let hours = 0; hours < 24 * 30; hours++) {
    link.clockMs = hours * hourMs;
    const before = link.sent.length;
    await telemetry.tick();
    if (link.sent.length > before) times.push(hours);
  }
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  expect(times[0]).toBeLessThanOrEqual(24);
  expect([Math.min(...gaps) >= 19, Math.max(...gaps) <= 24]).toEqual([true, true]);
});

it.each([
  ['the first of a month', may(1), ['2026-05', '2026-04']],
  ['the third', may(4) - 1, ['2026-05', '2026-04']],
  ['the fourth', may(4), ['2026-05']],
  ['new year', Date.UTC(2027, 0, 2), ['2027-01', '2026-12']],
])('reports the month before, too, on its first three days: %s', async (_, timeMs, expected) => {
  expect(monthsAt(timeMs)).toEqual(expected);
  const link = new FakeLink(() => accepted);
  const telemetry = new Telemetry(
    link,
    () => [row],
    () => timeMs,
  );
  telemetry.soon();
  await telemetry.tick();
  expect(months(link)).toEqual(expected);
});

it('leaves out a month whose totals are not known, and sends none without a licence', async () => {
  const link = new FakeLink(() => accepted);
  const telemetry = new Telemetry(
    link,
    (month) => (month === '2026-04' ? [row] : undefined),
    () => may(1),
  );
  link.license = undefined;
  telemetry.soon();
  await telemetry.tick();
  expect(link.sent).toEqual([]);
  link.license = 'installed';
  await telemetry.tick();
  expect(months(link)).toEqual(['2026-04']);
});

it('tries again within 15 minutes after a failure, and says why', async () => {
  const link = new FakeLink(() => outage);
  const telemetry = new Telemetry(
    link,
    () => [row],
    () => may(20),
  );
  telemetry.soon();
  await telemetry.tick();
  expect(telemetry.failure).toMatchObject({
    request: 'telemetry',
    outcome: 'unreachable',
    why: 'connection: ECONNREFUSED',
  });
  link.reply = () => accepted;
  await telemetry.tick();
  expect(link.sent).toHaveLength(1);
  link.clockMs = 15 * 60_000;
  await telemetry.tick();
  expect([link.sent.length, telemetry.failure]).toEqual([2, undefined]);
});

it('reports again where a check-in ended while a report was under way', async () => {
  let finish: (outcome: VendorOutcome<object>) => void = () => undefined;
  const link = new FakeLink(() => new Promise((resolve) => (finish = resolve)));
  const telemetry = new Telemetry(
    link,
    () => [row],
    () => may(20),
  );
  telemetry.soon();
  const first = telemetry.tick();
  telemetry.soon();
  await telemetry.tick();
  expect(link.sent).toHaveLength(1);
  finish(accepted);
  await first;
  link.reply = () => accepted;
  await telemetry.tick();
  expect(link.sent).toHaveLength(2);
});

it('tries again where the totals could not be read', async () => {
  const link = new FakeLink(() => accepted);
  let isBroken = true;
  const rows = (): TelemetryRow[] => {
    if (isBroken) throw new Error('broken');
    return [row];
  };
  const telemetry = new Telemetry(link, rows, () => may(20));
  telemetry.soon();
  await expect(telemetry.tick()).rejects.toThrow('broken');
  isBroken = false;
  link.clockMs = 15 * 60_000;
  await telemetry.tick();
  expect(months(link)).toEqual(['2026-05']);
});
