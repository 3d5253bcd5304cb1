import type { Tracing } from '@app/platform';
import {
  fixtureEngine,
  fixtureSettings,
  type FixtureResult,
  type FixtureStep,
} from '../../../../test/support/fixture-engine';
import { until } from '../../../../test/support/until';
import { EnginePool } from './engine-pool';
import { stepsOfJob } from './job-steps';

const tracing = { isOn: false } as Tracing;
const fixture = fixtureEngine();
let pool: EnginePool<FixtureStep, FixtureResult & { op: string }>;
afterAll(async () => {
  await pool.stop();
  fixture.remove();
});

it('lets the neighbours of a job that crashes its engine succeed at their second attempt, and fails that job each time', async () => {
  pool = new EnginePool<FixtureStep, FixtureResult & { op: string }>(
    {
      engines: 1,
      policy: { batching: 'always', maxBatch: 8, batchWaitMs: 20, batchesGain: true },
      child: fixtureSettings(fixture.entry, {}),
    },
    { onBatch: () => undefined, onEngineExit: () => undefined, onReadyChange: () => undefined },
  );
  await pool.start();
  const attemptAt = async (name: string, op: 'crash' | 'echo', attempt: number): Promise<string> => {
    const id = `${name}.${attempt}`;
    const steps = stepsOfJob(pool, tracing, { attempt, headers: {} });
    const step = { id, batchKey: 'same', dueMs: 0, stateful: true, make: () => ({ id, op }) };
    const done = await steps.run(step).then(
      ({ batchSize }) => `done in a batch of ${batchSize}`,
      () => 'failed',
    );
    steps.drop(id);
    return `${name} ${done}`;
  };
  const attempts = (attempt: number): Promise<string[]> =>
    Promise.all([
      attemptAt('poison', 'crash', attempt),
      ...['a', 'b', 'c'].map((name) => attemptAt(name, 'echo', attempt)),
    ]);
  expect(await attempts(1)).toEqual(['poison failed', 'a failed', 'b failed', 'c failed']);
  await until(() => pool.readyEngines === 1);
  expect(await attempts(2)).toEqual([
    'poison failed',
    ...['a', 'b', 'c'].map((name) => `${name} done in a batch of 1`),
  ]);
});
