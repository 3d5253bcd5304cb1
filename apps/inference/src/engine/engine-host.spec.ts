import type { StepFailure } from '@app/speech/engines';
import type { EngineReply } from './engine.messages';
import { EngineHost, type HostedEngine } from './engine-host';

interface EchoStep {
  readonly id: string;
  readonly op: string;
  readonly key: string;
}

/** Answers each step with its id and remembers which were run together. */
class EchoEngine implements HostedEngine<EchoStep, string> {
  readonly capabilities = { sampleRateHz: 16_000, languages: ['en'], maxBatch: 2 };
  readonly batches: string[][] = [];
  readonly released: string[] = [];
  warm = false;

  warmUp(): Promise<void> {
    this.warm = true;
    return Promise.resolve();
  }
  batchKey(step: EchoStep): string {
    return step.key;
  }
  step(batch: readonly EchoStep[]): Promise<(string | StepFailure)[]> {
    this.batches.push(batch.map(({ id }) => id));
    if (batch.some(({ id }) => id === 'throws')) return Promise.reject(new Error('broken graph'));
    return Promise.resolve(batch.map(({ id }) => (id === 'fails' ? { failed: 'bad input' } : id)));
  }
  opened(result: string): { batchKeys: string[]; sampleRateHz: number } | undefined {
    return result === 'opens' ? { batchKeys: ['w0', 'w1'], sampleRateHz: 22_050 } : undefined;
  }
  release(id: string): void {
    this.released.push(id);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const step = (id: string, key = 'k', op = 'decode'): EchoStep => ({ id, key, op });

describe('EngineHost', () => {
  let engine: EchoEngine;
  let replies: EngineReply<string>[];
  let host: EngineHost<EchoStep, string>;

  beforeEach(() => {
    engine = new EchoEngine();
    replies = [];
    host = new EngineHost<EchoStep, string>(
      () => Promise.resolve(engine),
      (message) => replies.push(message),
    );
  });

  const stepped = async (...steps: EchoStep[]) => {
    await host.handle({ type: 'step', callId: 7, steps });
    const reply = replies.at(-1);
    if (reply?.type !== 'stepped') throw new Error(`got ${reply?.type}`);
    return reply;
  };

  it('says that it is ready once the engine is warm', async () => {
    await host.start(true);
    expect(engine.warm).toBe(true);
    expect(replies).toEqual([{ type: 'ready', capabilities: engine.capabilities }]);
  });

  it('is ready sooner, and cold, where work waits already', async () => {
    await host.start(false);
    expect(engine.warm).toBe(false);
    expect(replies.map(({ type }) => type)).toEqual(['ready']);
  });

  it('says why an engine cannot be loaded', async () => {
    const broken = new EngineHost<EchoStep, string>(
      () => Promise.reject(new Error('no such file')),
      (message) => replies.push(message),
    );
    await broken.start(true);
    expect(replies).toEqual([{ type: 'failed', reason: 'no such file' }]);
  });

  it('passes on that a model is being read', async () => {
    const slow = new EngineHost<EchoStep, string>(
      (onLoading) => {
        onLoading();
        return Promise.resolve(engine);
      },
      (message) => replies.push(message),
    );
    await slow.start(true);
    expect(replies.map(({ type }) => type)).toEqual(['loading', 'ready']);
  });

  it('runs together what the engine lets share a batch, and answers in the order of the steps', async () => {
    await host.start(true);
    const reply = await stepped(step('a', 'x'), step('b', 'y'), step('c', 'x'));
    expect(engine.batches).toEqual([['a', 'c'], ['b']]);
    expect(reply.outcomes).toEqual([{ result: 'a' }, { result: 'b' }, { result: 'c' }]);
    expect(reply.batches).toMatchObject([
      { op: 'decode', size: 2 },
      { op: 'decode', size: 1 },
    ]);
  });

  it('keeps operations apart, and batches within what the engine can hold', async () => {
    await host.start(true);
    await stepped(step('a'), step('b'), step('c'), step('d', 'k', 'encode'));
    expect(engine.batches).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  it('lets a failed step harm nobody else', async () => {
    await host.start(true);
    const reply = await stepped(step('a'), step('fails'), step('throws', 'y'));
    expect(reply.outcomes).toEqual([{ result: 'a' }, { failed: 'bad input' }, { failed: 'broken graph' }]);
  });

  it('tells what an encoded utterance makes possible', async () => {
    await host.start(true);
    const reply = await stepped(step('opens', 'k', 'encode'));
    expect(reply.outcomes).toEqual([{ result: 'opens', opened: { batchKeys: ['w0', 'w1'], sampleRateHz: 22_050 } }]);
  });

  it('forgets an id when told', async () => {
    await host.start(true);
    await host.handle({ type: 'release', id: 'a' });
    expect(engine.released).toEqual(['a']);
  });

  it('fails steps that come before an engine is there', async () => {
    expect((await stepped(step('a'))).outcomes).toEqual([{ failed: 'the engine is not loaded' }]);
  });
});
