import { HandBack } from '@app/broker';
import type { BatchPolicy } from '@app/speech/batching';
import {
  fixtureEngine,
  fixtureSettings,
  type FixtureResult,
  type FixtureStep,
} from '../../../../test/support/fixture-engine';
import { until } from '../../../../test/support/until';
import type { EngineChildSettings } from './engine-child';
import { EnginePool, StepDropped, type StepDone, type StepRequest } from './engine-pool';

const single: BatchPolicy = { batching: 'auto', maxBatch: 4, batchWaitMs: 20, batchesGain: false };
const gathering: BatchPolicy = { ...single, batchesGain: true };

describe('EnginePool', () => {
  const fixture = fixtureEngine();
  let pool: EnginePool<FixtureStep, FixtureResult>;
  let exits: string[];
  let sizes: number[];
  let readyChanges: ((ready: number) => void)[];

  const make = (engines: number, policy = single, child: Partial<EngineChildSettings> = {}): void => {
    exits = [];
    sizes = [];
    readyChanges = [];
    pool = new EnginePool(
      { engines, policy, child: fixtureSettings(fixture.entry, child) },
      {
        onBatch: ({ size }) => sizes.push(size),
        onEngineExit: (reason) => exits.push(reason),
        onReadyChange: (ready) => readyChanges.forEach((listener) => listener(ready)),
      },
    );
  };
  const start = (...needs: Parameters<typeof make>): Promise<void> => {
    make(...needs);
    return pool.start();
  };
  const ready = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (pool.readyEngines === count && resolve());
      readyChanges.push(look);
      look();
    });

  const request = (id: string, over: Partial<StepRequest<FixtureStep>> = {}): StepRequest<FixtureStep> => ({
    id,
    batchKey: 'k',
    dueMs: 0,
    stateful: true,
    make: () => ({ id, op: 'echo' }),
    ...over,
  });
  const run = (id: string, over: Partial<StepRequest<FixtureStep>> = {}): Promise<StepDone<FixtureResult>> =>
    pool.run(request(id, over));
  const stateless = { stateful: false };

  afterEach(() => pool.stop());
  afterAll(() => fixture.remove());

  it('is ready when all engines are, and fails to start with one that cannot be loaded', async () => {
    await start(2);
    expect(pool.readyEngines).toBe(2);
    await pool.stop();
    const { spec } = fixtureSettings(fixture.entry);
    make(1, single, { spec: { ...spec, models: [{ id: 'broken', folder: '', preload: true }] } });
    await expect(pool.start()).rejects.toMatchObject({
      code: 'internal',
      detail: expect.stringContaining('no such model') as string,
    });
  });

  it('runs all steps of an id in one engine, and spreads ids over the engines', async () => {
    await start(2);
    const first = await Promise.all(['a', 'b'].map((id) => run(id)));
    const second = await Promise.all(['a', 'b'].map((id) => run(id)));
    const pids = first.map(({ result }) => result.pid);
    expect(new Set(pids).size).toBe(2);
    expect(second.map(({ result }) => result.pid)).toEqual(pids);
  });

  it('lets any engine run what needs no state', async () => {
    await start(2);
    await run('a');
    const done = await Promise.all(Array.from({ length: 6 }, (_, at) => run('a', { ...stateless, line: `l${at}` })));
    expect(new Set(done.map(({ result }) => result.pid)).size).toBe(2);
  });

  it('runs what is due first, and makes a step only when it is about to run', async () => {
    await start(1);
    const order: string[] = [];
    const noting = (id: string, dueMs: number) => run(id, { dueMs, make: () => (order.push(id), { id, op: 'echo' }) });
    await Promise.all([noting('late', 30), noting('soon', 10), noting('nice', Infinity), noting('next', 20)]);
    expect(order).toEqual(['soon', 'next', 'late', 'nice']);
  });

  it('lets who was just answered ask for its next, more urgent step before the engine turns to others', async () => {
    await start(1);
    const order: string[] = [];
    const noting = (id: string, name: string, dueMs: number) =>
      run(id, { dueMs, make: () => (order.push(name), { id, op: 'echo' }) });
    const first = noting('a', 'a encode', 1).then(async () => {
      // As many turns of the microtask queue as an utterance takes between two of its steps.
      for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
      await noting('a', 'a window', 1);
    });
    await Promise.all([first, noting('b', 'b encode', 2)]);
    expect(order).toEqual(['a encode', 'a window', 'b encode']);
  });

  it('puts waiting steps together where batches gain, and reports how many', async () => {
    await start(1, gathering);
    const done = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => run(id)));
    expect(done[0]?.result.batch).toEqual(['a', 'b', 'c', 'd']);
    expect(sizes).toEqual([4, 1]);
  });

  it('waits for company where it must, but not for longer than the policy says', async () => {
    await start(1, { ...single, batching: 'always', batchWaitMs: 30 });
    // Both have state here, so each might join the other.
    await Promise.all([run('a'), run('b')]);
    sizes.length = 0;
    const alone = await run('a');
    expect(alone.result.batch).toEqual(['a']);
    const first = run('a');
    await new Promise((resolve) => setImmediate(resolve));
    const second = run('b');
    expect((await first).result.batch).toEqual(['a', 'b']);
    await second;
    expect(sizes).toEqual([1, 2]);
  });

  it('never runs the waiting steps of an id that was dropped, and has its state forgotten', async () => {
    await start(1);
    await run('a');
    const made = jest.fn(() => ({ id: 'a', op: 'echo' }) as const);
    const blocker = run('b');
    const dropped = [run('a', { make: made }), run('a', { line: 'other', make: made })];
    dropped.forEach((step) => void step.catch(() => undefined));
    pool.drop('a');
    for (const step of dropped) await expect(step).rejects.toBeInstanceOf(StepDropped);
    await blocker;
    expect((await run('b')).result.released).toEqual(['a']);
    expect(made).not.toHaveBeenCalled();
  });

  it('has the state forgotten of an id that was dropped while its first step ran', async () => {
    await start(1);
    let running: Promise<unknown> = Promise.resolve();
    await new Promise<void>((begun) => {
      running = run('a', { make: () => (begun(), { id: 'a', op: 'echo' }) });
    });
    pool.drop('a');
    await running.catch(() => undefined);
    expect((await run('b')).result.released).toContain('a');
  });

  it('drops a line alone', async () => {
    await start(1);
    const kept = run('a', { ...stateless, line: 'a/final' });
    const partial = run('a', { ...stateless, line: 'a/partial' });
    partial.catch(() => undefined);
    pool.dropLine('a/partial');
    await expect(partial).rejects.toBeInstanceOf(StepDropped);
    expect((await kept).result.id).toBe('a');
  });

  it('passes on that a step failed, without harm to others of its batch', async () => {
    await start(1, gathering);
    const bad = run('bad', { make: () => ({ id: 'bad', op: 'refuse' }) });
    bad.catch(() => undefined);
    expect((await run('good')).result.batch).toEqual(['bad', 'good']);
    await expect(bad).rejects.toMatchObject({ code: 'internal' });
  });

  describe('when an engine dies', () => {
    const retryable = { row: { retryable: true } };
    const crash = (id: string) => run(id, { make: () => ({ id, op: 'crash' }) });
    /** Outcomes are looked at one after the other; none of them may count as unhandled meanwhile. */
    const settled = <T>(step: Promise<T>): Promise<T> => (step.catch(() => undefined), step);

    it('fails the batch in flight as a crash, and hands back in good order whoever else had state there', async () => {
      await start(1);
      await Promise.all([run('idle'), run('waiting'), run('poison')]);
      const poison = settled(crash('poison'));
      const waiting = settled(run('waiting'));
      await expect(poison).rejects.toMatchObject(retryable);
      await expect(waiting).rejects.toBeInstanceOf(HandBack);
      await expect(run('idle')).rejects.toBeInstanceOf(HandBack);
      await expect(run('waiting')).rejects.toBeInstanceOf(HandBack);
      await expect(run('poison')).rejects.toMatchObject(retryable);
      expect(exits).toEqual(['exited with code 3']);
    });

    it('fails every step of who was in flight as a crash, whichever is looked at first', async () => {
      await start(1);
      await run('poison');
      const poison = settled(crash('poison'));
      const next = settled(run('poison'));
      await expect(next).rejects.toMatchObject(retryable);
      await expect(poison).rejects.toMatchObject(retryable);
    });

    it('takes each job of a batch in flight for the cause, since nobody knows which of them it is', async () => {
      await start(1, gathering);
      const together = [settled(crash('poison')), settled(run('neighbour'))];
      for (const step of together) await expect(step).rejects.toMatchObject(retryable);
    });

    it('counts no crash when it was idle', async () => {
      await start(1);
      const { result } = await run('a');
      process.kill(result.pid, 'SIGKILL');
      await until(() => exits.length > 0);
      await expect(run('a')).rejects.toBeInstanceOf(HandBack);
    });

    it('leaves alone what another engine holds, and runs new work when it is back', async () => {
      await start(2);
      const [a, b] = await Promise.all([run('a'), run('b')]);
      expect(a.result.pid).not.toBe(b.result.pid);
      const crashed = settled(crash('a'));
      const untouched = run('b');
      await expect(crashed).rejects.toMatchObject(retryable);
      expect((await untouched).result.pid).toBe(b.result.pid);
      pool.drop('a');
      await ready(2);
      expect((await run('a')).result.id).toBe('a');
    });
  });

  it('gives what needs no state to another engine while one is away', async () => {
    await start(2);
    const [a] = await Promise.all([run('a'), run('b')]);
    process.kill(a.result.pid, 'SIGKILL');
    await ready(1);
    expect((await run('c', stateless)).result.pid).not.toBe(a.result.pid);
    await ready(2);
  });

  it('kills an engine that hangs, and goes on', async () => {
    await start(1, single, { stepTimeoutMs: 200 });
    await expect(run('a', { make: () => ({ id: 'a', op: 'hang' }) })).rejects.toMatchObject({
      row: { retryable: true },
    });
    expect((await run('b')).result.id).toBe('b');
    expect(exits[0]).toContain('a step took too long');
  });

  it('leaves no process when it is stopped', async () => {
    await start(2);
    const steps = await Promise.all(['a', 'b'].map((id) => run(id)));
    const pids = new Set(steps.map(({ result }) => result.pid));
    expect(pids.size).toBe(2);
    await pool.stop();
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
