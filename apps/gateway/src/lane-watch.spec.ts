import { laneName, type Lane } from '@app/protocol';
import { LaneWatch } from './lane-watch';

const lane: Lane = { kind: 'tts', model: 'piper' };
const second = 1_000;

let load: { waiting: number; running: number };
let workers: number;
let broken: boolean;
const seen = {
  budgets: [] as [string, number][],
  loads: [] as object[],
  wakes: [] as [string, number][],
};
let watch: LaneWatch;

beforeEach(() => {
  jest.useFakeTimers();
  [load, workers, broken] = [{ waiting: 0, running: 0 }, 0, false];
  for (const list of Object.values(seen)) list.length = 0;
  const broker = { load: () => (broken ? Promise.reject(new Error('no bus')) : Promise.resolve(load)) };
  const presence = { lane: () => ({ workers, seats: 0, busySeats: 0, voices: new Set<string>(), realTimeFactor: 0 }) };
  const metrics = {
    laneBudget: (name: string, budgetMs: number) => seen.budgets.push([name, budgetMs]),
    laneLoad: (name: string, state: object) => seen.loads.push({ name, ...state }),
    laneWoke: (name: string, durationMs: number) => seen.wakes.push([name, durationMs]),
  };
  watch = new LaneWatch(broker, presence, [lane], metrics);
  watch.start();
});
afterEach(() => {
  watch.stop();
  jest.useRealTimers();
});

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

it('tells the load and the workers of a lane each second, and its budget once', async () => {
  [load, workers] = [{ waiting: 2, running: 5 }, 3];
  await pass(2 * second);
  const each = { name: 'tts.piper', waiting: 2, running: 5, workers: 3 };
  expect(seen.loads).toEqual([each, each]);
  expect(seen.budgets).toEqual([[laneName(lane), 8_000]]);
});

it('measures how long a lane without workers took until a worker was there, once', async () => {
  await pass(5 * second);
  load = { waiting: 1, running: 0 };
  await pass(4 * second);
  workers = 1;
  await pass(3 * second);
  expect(seen.wakes).toEqual([['tts.piper', 4 * second]]);
});

it('counts from the first caller when one after the other gave up', async () => {
  load = { waiting: 1, running: 0 };
  await pass(8 * second);
  load = { waiting: 0, running: 0 };
  await pass(30 * second);
  load = { waiting: 1, running: 0 };
  await pass(2 * second);
  workers = 1;
  await pass(second);
  expect(seen.wakes).toEqual([['tts.piper', 40 * second]]);
});

it('forgets a wait that nobody has waited for in a minute', async () => {
  load = { waiting: 1, running: 0 };
  await pass(second);
  load = { waiting: 0, running: 0 };
  await pass(62 * second);
  workers = 1;
  await pass(second);
  expect(seen.wakes).toEqual([]);
});

it('keeps looking after the bus was away', async () => {
  broken = true;
  await pass(2 * second);
  broken = false;
  await pass(second);
  expect(seen.loads).toHaveLength(1);
});
