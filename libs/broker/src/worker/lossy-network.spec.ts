import { decodeFrame } from '@app/protocol';
import type { JobHandle } from '../client';
import { MemoryBroker } from '../memory';
import { audio, plan, sttRequest, ttsEnd, ttsLane } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { ScriptedHandler } from '../testing/scripted-handlers';
import { isA, pass, samples, utterance, WorkerBench } from '../testing/worker-bench';
import type { LaneRunner } from './lane-runner';

describe('A job on a network that loses, doubles and delays', () => {
  let bench: WorkerBench;
  let runner: LaneRunner;

  beforeEach(async () => {
    jest.useFakeTimers();
    bench = new WorkerBench();
    await bench.start();
    runner = await bench.runner('worker-1', 2);
  });
  afterEach(async () => {
    await bench.stop();
    jest.useRealTimers();
  });

  it('acks only after the session took the end', async () => {
    const { listener } = await bench.submit();
    bench.bus.relay = (message, deliver) => (isA('output', message) ? undefined : deliver());
    await bench.emit(...utterance);
    expect(runner.busySeats(ttsLane)).toBe(0);
    expect(await bench.load()).toEqual({ waiting: 0, running: 1 });
    bench.bus.relay = (_message, deliver) => deliver();
    await pass(700);
    expect(listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
    expect(listener.ends).toEqual(['end']);
    await pass(500);
    expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    expect(bench.ended).toMatchObject([{ outcome: 'done' }]);
  });

  it('brings every output once and in order through loss, doubling and delay', async () => {
    let state = 12_345;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    for (let round = 0; round < 20; round += 1) {
      bench.bus.relay = (message, deliver) => {
        if (!isA('output', message) && !isA('input', message)) return deliver();
        const luck = random();
        if (luck < 0.2) return;
        if (luck < 0.4) deliver();
        if (luck < 0.7) setTimeout(deliver, Math.floor(random() * 300));
        else deliver();
      };
      const { listener } = await bench.submit();
      for (const emission of utterance.slice(0, -1)) {
        bench.handler.last.emit(emission);
        await pass(Math.floor(random() * 100));
      }
      bench.handler.last.emit({ output: ttsEnd });
      for (let waits = 0; waits < 40 && listener.ends.length === 0; waits += 1) {
        await pass(250);
        if (bench.handler.last.context.attempt > 1 && !bench.handler.last.stopped)
          for (const again of utterance) bench.handler.last.emit(again);
      }
      bench.bus.relay = (_message, deliver) => deliver();
      await pass(10_000);
      expect(listener.ends).toEqual(['end']);
      expect(bench.ended.at(-1)?.outcome).toBe('done');
      const heard = new Map(listener.outputs.map((output, index) => [JSON.stringify(output), listener.bodies[index]]));
      expect([...heard.keys()]).toEqual(utterance.slice(0, -1).map(({ output }) => JSON.stringify(output)));
      const attempts = listener.claims.length;
      if (attempts === 1) expect(listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    }
  });

  it('hands back when outputs are asked for that it has forgotten', async () => {
    const { listener } = await bench.submit();
    bench.bus.relay = (message, deliver) => (isA('output', message) && !message.reply ? undefined : deliver());
    const large = { output: audio(0), body: new Uint8Array(3 * 1024 * 1024) };
    await bench.emit({ output: plan }, large, large, large);
    bench.bus.relay = (_message, deliver) => deliver();
    await bench.emit({ output: audio(4), body: samples(1) });
    await pass(100);
    await pass(1_000);
    expect(bench.handler.runs).toHaveLength(2);
    expect(bench.handler.last.context.attempt).toBe(2);
    await bench.emit(...utterance);
    expect(listener.ends).toEqual(['end']);
  });

  it('gives inputs to the handler in order, those before it subscribed too', async () => {
    const listener = new RecordingListener();
    const box: { handle?: JobHandle } = {};
    listener.resume = () => {
      box.handle?.send({ type: 'audio', offsetSamples: 0 }, Buffer.from('abcd'));
      return { offsetSamples: 0 };
    };
    const submitted = bench.client.submit(sttRequest(), listener).then((handle) => (box.handle = handle));
    await pass(0);
    (await submitted).send({ type: 'close' });
    await pass(0);
    expect(bench.handler.last.inputs.map(({ input }) => input.type)).toEqual(['audio', 'close']);
    expect(Buffer.from(bench.handler.last.inputs[0]?.body ?? []).toString()).toBe('abcd');
  });

  it.each([
    ['one in the middle', 1],
    ['the last one', 2],
  ])('starts again when an input is lost: %s', async (_which, lost) => {
    const { handle, listener } = await bench.submit(sttRequest());
    let inputs = 0;
    bench.bus.relay = (message, deliver) => {
      const header = isA('input', message) ? (decodeFrame(message.payload).header as { type: string }) : undefined;
      if (header?.type === 'input' && inputs++ === lost) return;
      deliver();
    };
    for (const offsetSamples of [0, 1, 2]) {
      handle.send({ type: 'audio', offsetSamples });
      await pass(0);
    }
    await pass(1_100);
    expect(listener.claims.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(bench.handler.runs[0]?.inputs.length).toBe(lost);
    expect(bench.handler.runs[0]?.stopped).toBe(true);
    expect(bench.ended).toMatchObject([{ outcome: 'handed_back' }]);
  });

  it('goes on elsewhere when a worker freezes, and the frozen one changes nothing when it wakes', async () => {
    await runner.stop(0);
    const frozenBus = new FreezableBroker(bench.bus);
    const frozenHandler = new ScriptedHandler();
    await bench.runner('frozen', 1, frozenHandler, frozenBus);
    const { listener } = await bench.submit();
    for (const emission of utterance.slice(0, 2)) frozenHandler.last.emit(emission);
    await pass(0);
    frozenBus.frozen = true;
    await bench.runner('worker-2', 1);
    await pass(1_600);
    expect(bench.handler.last.context).toMatchObject({ attempt: 2, resume: { offsetSamples: 4, durations: [3, 5] } });
    await bench.emit({ output: plan });
    frozenBus.frozen = false;
    for (const emission of utterance.slice(2)) frozenHandler.last.emit(emission);
    await pass(600);
    expect(listener.ends).toEqual([]);
    expect(await bench.load()).toEqual({ waiting: 0, running: 1 });
    await bench.emit(...utterance.slice(2));
    expect(listener.received).toEqual(['plan', 'audio@0', 'plan', 'audio@4']);
    expect(listener.ends).toEqual(['end']);
    expect(bench.ended.map(({ outcome }) => outcome).sort()).toEqual(['done', 'stale']);
  });
});

/** A broker whose process stands still: it neither says nor hears anything until it goes on. */
class FreezableBroker extends MemoryBroker {
  frozen = false;

  override async openSource(...place: Parameters<MemoryBroker['openSource']>): ReturnType<MemoryBroker['openSource']> {
    const source = await super.openSource(...place);
    return {
      interrupt: () => source.interrupt(),
      close: () => source.close(),
      pull: async (max, waitMs) =>
        (await source.pull(max, waitMs)).map((delivery) => ({
          ...delivery,
          working: () => {
            if (!this.frozen) delivery.working();
          },
        })),
    };
  }

  override subscribe(...what: Parameters<MemoryBroker['subscribe']>): ReturnType<MemoryBroker['subscribe']> {
    const [subject, handle] = what;
    return super.subscribe(subject, (...message) => {
      if (!this.frozen) handle(...message);
    });
  }

  override publish(subject: string, payload: Uint8Array): void {
    if (!this.frozen) super.publish(subject, payload);
  }
}
