import {
  fixtureEngine,
  fixtureSettings,
  type FixtureResult,
  type FixtureStep,
} from '../../../../test/support/fixture-engine';
import { EngineChild, type EngineChildSettings } from './engine-child';

const echo = (id: string, samples?: Float32Array): FixtureStep => ({ id, op: 'echo', ...(samples ? { samples } : {}) });

describe('EngineChild', () => {
  const fixture = fixtureEngine();
  let child: EngineChild<FixtureStep, FixtureResult>;
  let exits: string[];
  let readyAgain: () => Promise<void>;
  let exited: () => Promise<void>;

  const make = (over: Partial<EngineChildSettings> = {}): void => {
    const waiting = { ready: [] as (() => void)[], exit: [] as (() => void)[] };
    readyAgain = () => new Promise((resolve) => waiting.ready.push(resolve));
    exited = () => new Promise((resolve) => waiting.exit.push(resolve));
    exits = [];
    child = new EngineChild(fixtureSettings(fixture.entry, over), {
      onReady: () => waiting.ready.splice(0).forEach((resolve) => resolve()),
      onExit: (reason) => {
        exits.push(reason);
        waiting.exit.splice(0).forEach((resolve) => resolve());
      },
    });
  };
  const start = async (over: Partial<EngineChildSettings> = {}): Promise<void> => {
    make(over);
    const ready = readyAgain();
    child.start();
    await ready;
  };

  afterEach(() => child.stop());
  afterAll(() => fixture.remove());

  const resultOf = async (...steps: FixtureStep[]): Promise<FixtureResult> => {
    const [outcome] = (await child.call(steps)).outcomes;
    if (!outcome || 'failed' in outcome) throw new Error('no result');
    return outcome.result;
  };
  const retryable = { row: { retryable: true } };

  it('runs steps in a process of its own and keeps samples as they are', async () => {
    await start();
    const samples = Float32Array.from({ length: 1_000 }, (_, index) => Math.fround(Math.sin(index)));
    const result = await resultOf(echo('a', samples));
    expect(result.pid).toBe(child.pid);
    expect(result.pid).not.toBe(process.pid);
    expect(result.samples).toEqual(samples);
    expect(child.capabilities?.sampleRateHz).toBe(8_000);
  });

  it('takes one call at a time', async () => {
    await start();
    const first = child.call([echo('a')]);
    expect(child.isIdle).toBe(false);
    await expect(child.call([echo('b')])).rejects.toMatchObject(retryable);
    await first;
    expect(child.isIdle).toBe(true);
  });

  it('passes on what to forget', async () => {
    await start();
    child.release('old');
    expect((await resultOf(echo('a'))).released).toEqual(['old']);
  });

  it('fails the running call with a retryable problem when the process dies, and is back by itself', async () => {
    await start();
    const pid = child.pid;
    const ready = readyAgain();
    await expect(child.call([{ id: 'a', op: 'crash' }])).rejects.toMatchObject(retryable);
    expect(exits).toEqual(['exited with code 3']);
    expect(child.isReady).toBe(false);
    await ready;
    expect(child.pid).not.toBe(pid);
    expect((await resultOf(echo('b'))).id).toBe('b');
  });

  it('is warmed up when it starts first, but not while work waits for it to be back', async () => {
    await start();
    expect((await resultOf(echo('a'))).warm).toBe(true);
    const ready = readyAgain();
    process.kill(child.pid ?? 0, 'SIGKILL');
    await ready;
    expect((await resultOf(echo('b'))).warm).toBe(false);
  });

  it('notices a process that was killed between calls', async () => {
    await start();
    const ready = readyAgain();
    process.kill(child.pid ?? 0, 'SIGKILL');
    await ready;
    expect(exits).toEqual(['killed by SIGKILL']);
  });

  it('kills a process that hangs, and says why it did', async () => {
    await start({ stepTimeoutMs: 200 });
    const ready = readyAgain();
    await expect(child.call([{ id: 'a', op: 'hang' }])).rejects.toMatchObject(retryable);
    expect(exits).toEqual(['killed by SIGKILL: a step took too long']);
    await ready;
  });

  it('notices a hang by the usual time of a step, long before the longest time of any', async () => {
    await start({ stepTimeoutMs: 3_600_000 });
    for (let call = 0; call < 10; call += 1) await child.call([echo('a')]);
    process.kill(child.pid ?? 0, 'SIGSTOP');
    await expect(child.call([echo('a')])).rejects.toMatchObject(retryable);
    expect(exits).toEqual(['killed by SIGKILL: a step took too long']);
  });

  it('says why a model cannot be loaded', async () => {
    const { spec } = fixtureSettings(fixture.entry);
    make({ spec: { ...spec, models: [{ id: 'broken', folder: '', preload: true }] } });
    const gone = exited();
    child.start();
    await gone;
    expect(exits[0]).toContain('no such model');
  });

  it('awaits the running call when it is stopped, and is not started again', async () => {
    await start();
    const { pid } = child;
    const call = child.call([echo('last')]);
    await child.stop();
    await expect(call).resolves.toMatchObject({ outcomes: [{ result: { id: 'last' } }] });
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    expect(child.isReady).toBe(false);
  });

  it('can be stopped while it waits to start again', async () => {
    const { spec } = fixtureSettings(fixture.entry);
    make({ spec: { ...spec, models: [{ id: 'broken', folder: '', preload: true }] } });
    const gone = exited();
    child.start();
    await gone;
    await child.stop();
    expect(child.pid).toBeUndefined();
  });
});
