import { decodeFrame, encodeFrame, ProblemError, subjects, type WorkerBeat } from '@app/protocol';
import { JobClient, type JobHandle, type JobRequest } from '../client';
import { HandBack } from '../job-context';
import { MemoryBroker, MemoryBus, type MemoryMessage } from '../memory';
import { Presence } from '../presence';
import { audio, credit, plan, sttEnd, sttLane, sttRequest, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { ScriptedHandler } from '../testing/scripted-handlers';
import { LaneRunner } from './lane-runner';
import type { EndedJob } from './worker-contract';

/** Lets time pass, and then everything happen that needs none. */
const pass = async (timeMs: number): Promise<void> => {
  await jest.advanceTimersByTimeAsync(timeMs);
  for (let turn = 0; turn < 5; turn += 1) await jest.advanceTimersByTimeAsync(0);
};
const samples = (...values: number[]): Uint8Array => Buffer.from(Float32Array.from(values).buffer);

describe('LaneRunner', () => {
  let bus: MemoryBus;
  let client: JobClient;
  let presence: Presence;
  let handler: ScriptedHandler;
  let runner: LaneRunner;
  let events: string[];
  let ended: EndedJob[];
  let logged: unknown[];
  const runners: LaneRunner[] = [];

  const makeRunner = async (workerId: string, seats: number, by = handler): Promise<LaneRunner> => {
    const made = new LaneRunner({
      broker: new MemoryBroker(bus),
      workerId,
      lanes: [
        { lane: ttsLane, seats, voices: () => ['joe'], realTimeFactor: () => 0.1 },
        { lane: sttLane, seats },
      ],
      handlers: { tts: by.handle, stt: by.handle },
      observer: {
        seatTaken: () => void events.push('seat taken'),
        seatFreed: () => void events.push('seat freed'),
        claimGranted: (_lane, waitedMs) => void events.push(`granted after ${waitedMs}`),
        claimRefused: () => void events.push('refused'),
        jobEnded: (job) => void ended.push(job),
      },
      log: { error: (message, fields) => void logged.push([message, Object.keys(fields)]) },
    });
    runners.push(made);
    await made.start();
    await pass(0);
    return made;
  };
  const submit = async (
    request: JobRequest = ttsRequest(),
    listener = new RecordingListener(),
  ): Promise<{ handle: JobHandle; listener: RecordingListener }> => {
    const submitted = client.submit(request, listener);
    await pass(0);
    return { handle: await submitted, listener };
  };
  const load = (lane = ttsLane) => new MemoryBroker(bus).load(lane);
  const emit = async (...emissions: Parameters<ScriptedHandler['last']['emit']['next']>[0][]): Promise<void> => {
    for (const emission of emissions) handler.last.emit.next(emission);
    await pass(0);
  };
  const whole = [
    { output: plan },
    { output: audio(0), body: samples(1, 2, 3, 4) },
    { output: audio(4), body: samples(5, 6, 7, 8) },
    { output: ttsEnd },
  ];
  const isTo = (message: MemoryMessage, what: 'claim' | 'output' | 'input'): boolean =>
    message.subject.endsWith(`.${what}`);

  beforeEach(async () => {
    jest.useFakeTimers();
    bus = new MemoryBus();
    [events, ended, logged] = [[], [], []];
    client = new JobClient(new MemoryBroker(bus), { gatewayId: 'gateway' });
    await client.start();
    presence = new Presence(new MemoryBroker(bus), { gatewayId: 'gateway', activeByKey: () => ({}) });
    presence.start();
    handler = new ScriptedHandler();
    runner = await makeRunner('worker-1', 2);
  });
  afterEach(async () => {
    presence.stop();
    await client.close();
    for (const made of runners.splice(0)) {
      const stopped = made.stop(0);
      await pass(5_000);
      await stopped;
    }
    jest.useRealTimers();
  });

  describe('takes jobs', () => {
    it('and brings what the handler emits to the session, then leaves nothing behind', async () => {
      const { listener } = await submit();
      await emit(...whole);
      expect(listener.told).toEqual(['plan', 'audio@0', 'audio@4']);
      expect(Buffer.concat(listener.bodies)).toEqual(Buffer.from(samples(1, 2, 3, 4, 5, 6, 7, 8)));
      expect(listener.ends).toEqual(['end']);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(runner.heldJobs).toBe(0);
      expect(events).toEqual(['seat taken', 'granted after 0', 'seat freed']);
      expect(ended).toMatchObject([{ kind: 'tts', attempt: 1, outcome: 'done', waitMs: 0, runMs: 0 }]);
    });

    it('with all their fields, and the place where to go on', async () => {
      const listener = new RecordingListener();
      listener.resume = () => ({ offsetSamples: 7, durations: [1, 2] });
      await submit(ttsRequest('rest', 'Speak this.'), listener);
      expect(handler.last.job).toMatchObject({ text: 'Speak this.', voice: 'joe', waitBudgetMs: 8_000 });
      expect(handler.last.context).toMatchObject({ attempt: 1, offsetSamples: 7, durations: [1, 2] });
    });

    it.each(['first', 'rest'])('of class %s at once while it is idle', async (jobClass) => {
      await pass(20_000);
      await submit(ttsRequest(jobClass));
      expect(handler.runs).toHaveLength(1);
    });

    it('no more than it has seats, and the next as soon as one is free', async () => {
      for (let index = 0; index < 4; index += 1) await submit(ttsRequest(index % 2 ? 'first' : 'rest'));
      expect(runner.busySeats(ttsLane)).toBe(2);
      expect(handler.runs).toHaveLength(2);
      expect(await load()).toEqual({ waiting: 2, running: 2 });
      await emit(...whole);
      expect(handler.runs).toHaveLength(3);
    });

    it('of the class of first utterances before the rest', async () => {
      for (const text of ['a', 'b']) await submit(ttsRequest('rest', text));
      for (const text of ['c', 'd']) await submit(ttsRequest('rest', text));
      for (const text of ['e', 'f']) await submit(ttsRequest('first', text));
      for (let index = 0; index < 5; index += 1) {
        handler.runs[index]?.emit.next({ output: ttsEnd });
        await pass(0);
      }
      expect(handler.runs.map(({ job }) => job.text)).toEqual(['a', 'b', 'e', 'f', 'c', 'd']);
    });

    it('of each lane on seats of its own', async () => {
      for (let index = 0; index < 2; index += 1) await submit();
      await submit(sttRequest());
      expect(runner.busySeats(ttsLane)).toBe(2);
      expect(runner.busySeats(sttLane)).toBe(1);
    });

    it('back up where a lost bus left it', async () => {
      await pass(1_000);
      bus.stop();
      await pass(5_000);
      bus.start();
      await pass(0);
      const { listener } = await submit();
      await pass(500);
      await emit(...whole);
      expect(listener.ends).toEqual(['end']);
    });
  });

  describe('refuses', () => {
    it('what is no job at all', async () => {
      await new MemoryBroker(bus).publishJob(ttsLane, 'first', Buffer.from('nonsense'), 60_000);
      await pass(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(logged).toEqual([['message in a lane is no job', ['lane', 'sequence']]]);
      expect(events).toEqual([]);
    });

    it('a job that breaks the rules of its kind, and says so to the session', async () => {
      const request = ttsRequest();
      const { listener } = await submit({ ...request, job: { ...request.job, speed: 99 } });
      expect(listener.problem?.code).toBe('bad_request');
      expect(listener.problem?.detail).toContain('speed');
      expect(handler.runs).toHaveLength(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
    });

    it('a job whose gateway is not there any more', async () => {
      const orphan = encodeFrame({ jobId: 'orphan', gatewayId: 'gone', requestId: 'r', model: 'piper' });
      await new MemoryBroker(bus).publishJob(ttsLane, 'first', orphan, 60_000);
      await pass(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(events).toEqual(['seat taken', 'seat freed', 'refused']);
    });

    it('no job for good whose gateway is alive but did not answer', async () => {
      await pass(1_000);
      let drops = 1;
      bus.relay = (message, deliver) => {
        if (isTo(message, 'claim') && drops-- > 0) return;
        deliver();
      };
      const { listener } = await submit();
      expect(handler.runs).toHaveLength(0);
      await pass(1_200);
      await emit(...whole);
      expect(listener.ends).toEqual(['end']);
    });
  });

  describe('ends an attempt', () => {
    it('with a problem that a retry would not solve', async () => {
      const { listener } = await submit();
      handler.last.emit.error(new ProblemError('voice_not_found', { detail: 'No such voice here.' }));
      await pass(0);
      expect(listener.problem).toMatchObject({ code: 'voice_not_found', detail: 'No such voice here.' });
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(ended).toMatchObject([{ outcome: 'problem' }]);
    });

    it('with internal, logged without content, after an unknown error', async () => {
      const { listener } = await submit();
      handler.last.emit.error(new Error('secret transcript'));
      await pass(0);
      expect(listener.problem?.code).toBe('internal');
      expect(listener.problem?.detail).not.toContain('secret');
      expect(logged).toEqual([['job handler failed', ['jobId', 'err']]]);
    });

    it('with internal when the handler completes without an end', async () => {
      const { listener } = await submit();
      handler.last.emit.complete();
      await pass(0);
      expect(listener.ends).toEqual(['internal']);
    });

    it('that broke, for another one elsewhere, but not for a third', async () => {
      const { listener } = await submit();
      handler.last.emit.error(new ProblemError('worker_unavailable'));
      await pass(50);
      expect(handler.runs).toHaveLength(2);
      expect(handler.last.context.attempt).toBe(2);
      handler.last.emit.error(new ProblemError('worker_unavailable'));
      await pass(50);
      expect(handler.runs).toHaveLength(2);
      expect(listener.ends).toEqual(['job_quarantined']);
      expect(ended).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
    });

    it('that its handler hands back, for as many others as it takes', async () => {
      const { listener } = await submit();
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        expect(handler.last.context.attempt).toBe(attempt);
        handler.last.emit.error(new HandBack());
        await pass(0);
      }
      expect(listener.ends).toEqual([]);
      expect(ended).toHaveLength(4);
      expect(ended[0]?.outcome).toBe('handed_back');
    });

    it('when the job is cancelled: the handler is stopped, the seat free, the message gone', async () => {
      const { handle, listener } = await submit();
      handle.cancel('client left');
      await pass(0);
      expect(handler.last.stopped).toBe(true);
      expect(runner.busySeats(ttsLane)).toBe(0);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
      expect(ended).toMatchObject([{ outcome: 'cancelled' }]);
      expect(listener.ends).toEqual([]);
    });

    it('whose cancel was lost, at its next beat', async () => {
      const { handle } = await submit(sttRequest());
      bus.relay = (message, deliver) => (isTo(message, 'input') ? undefined : deliver());
      handle.cancel('client left');
      await pass(500);
      expect(handler.last.stopped).toBe(false);
      bus.relay = (_message, deliver) => deliver();
      await pass(1_000);
      expect(handler.last.stopped).toBe(true);
    });

    it('silently when another one owns the job: the message stays as it is', async () => {
      await submit();
      const { jobId } = handler.last.context;
      const superseded = { attempt: 1, type: 'cancel', superseded: true };
      new MemoryBroker(bus).publish(subjects.input('worker-1', jobId), encodeFrame(superseded));
      await pass(0);
      expect(handler.last.stopped).toBe(true);
      expect(await load()).toEqual({ waiting: 0, running: 1 });
      expect(ended).toMatchObject([{ outcome: 'stale' }]);
    });

    it('whose gateway missed three beats, and leaves the job to whoever asks for it', async () => {
      await submit(sttRequest());
      presence.stop();
      await client.close();
      bus.relay = (message, deliver) => (message.subject === subjects.gatewayPresence ? undefined : deliver());
      await pass(2_900);
      expect(handler.last.stopped).toBe(true);
      await pass(2_000);
      expect(await load(sttLane)).toEqual({ waiting: 0, running: 0 });
      expect(runner.busySeats(sttLane)).toBe(0);
    });

    it('never, while its gateway beats', async () => {
      const { listener } = await submit(sttRequest());
      await pass(30_000);
      expect(handler.last.stopped).toBe(false);
      expect(handler.runs).toHaveLength(1);
      handler.last.emit.next({ output: sttEnd });
      await pass(0);
      expect(listener.ends).toEqual(['end']);
    });
  });

  describe('survives what the network does', () => {
    it('acks only after the session took the end', async () => {
      const { listener } = await submit();
      bus.relay = (message, deliver) => (isTo(message, 'output') ? undefined : deliver());
      await emit(...whole);
      expect(runner.busySeats(ttsLane)).toBe(0);
      expect(await load()).toEqual({ waiting: 0, running: 1 });
      bus.relay = (_message, deliver) => deliver();
      await pass(700);
      expect(listener.told).toEqual(['plan', 'audio@0', 'audio@4']);
      expect(listener.ends).toEqual(['end']);
      await pass(500);
      expect(await load()).toEqual({ waiting: 0, running: 0 });
    });

    it('brings every output once and in order through loss, doubling and delay', async () => {
      let state = 12_345;
      const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
      for (let round = 0; round < 30; round += 1) {
        bus.relay = (message, deliver) => {
          if (!isTo(message, 'output') && !isTo(message, 'input')) return deliver();
          const luck = random();
          if (luck < 0.2) return;
          if (luck < 0.4) deliver();
          if (luck < 0.7) setTimeout(deliver, Math.floor(random() * 300));
          else deliver();
        };
        const { listener } = await submit();
        for (const emission of whole.slice(0, -1)) {
          handler.last.emit.next(emission);
          await pass(Math.floor(random() * 100));
        }
        handler.last.emit.next({ output: ttsEnd });
        for (let waits = 0; waits < 40 && listener.ends.length === 0; waits += 1) {
          await pass(250);
          if (handler.last.context.attempt > 1 && !handler.last.stopped)
            for (const again of whole) handler.last.emit.next(again);
        }
        bus.relay = (_message, deliver) => deliver();
        await pass(10_000);
        expect(listener.ends).toEqual(['end']);
        const heard = new Map(
          listener.outputs.map((output, index) => [JSON.stringify(output), listener.bodies[index]]),
        );
        expect([...heard.keys()]).toEqual(whole.slice(0, -1).map(({ output }) => JSON.stringify(output)));
        const attempts = listener.claims.length;
        if (attempts === 1) expect(listener.told).toEqual(['plan', 'audio@0', 'audio@4']);
        expect(await load()).toEqual({ waiting: 0, running: 0 });
      }
    });

    it('hands back when outputs are asked for that it has forgotten', async () => {
      const { listener } = await submit();
      bus.relay = (message, deliver) => (isTo(message, 'output') && !message.reply ? undefined : deliver());
      const large = { output: audio(0), body: new Uint8Array(3 * 1024 * 1024) };
      await emit({ output: plan }, large, large, large);
      bus.relay = (_message, deliver) => deliver();
      await emit({ output: audio(4), body: samples(1) });
      await pass(100);
      await pass(1_000);
      expect(handler.runs).toHaveLength(2);
      expect(handler.last.context.attempt).toBe(2);
      await emit(...whole);
      expect(listener.ends).toEqual(['end']);
    });

    it('gives inputs to the handler in order, those before it subscribed too', async () => {
      const listener = new RecordingListener();
      const box: { handle?: JobHandle } = {};
      listener.resume = () => {
        box.handle?.send({ type: 'audio', offsetSamples: 0 }, Buffer.from('abcd'));
        return { offsetSamples: 0 };
      };
      const submitted = client.submit(sttRequest(), listener).then((handle) => (box.handle = handle));
      await pass(0);
      (await submitted).send({ type: 'close' });
      await pass(0);
      expect(handler.last.inputs.map(({ input }) => input.type)).toEqual(['audio', 'close']);
      expect(Buffer.from(handler.last.inputs[0]?.body ?? []).toString()).toBe('abcd');
    });

    it.each([
      ['one in the middle', 1],
      ['the last one', 2],
    ])('starts again when an input is lost: %s', async (_which, lost) => {
      const { handle, listener } = await submit(sttRequest());
      let inputs = 0;
      bus.relay = (message, deliver) => {
        const header = isTo(message, 'input') ? (decodeFrame(message.payload).header as { type: string }) : undefined;
        if (header?.type === 'input' && inputs++ === lost) return;
        deliver();
      };
      for (const offsetSamples of [0, 1, 2]) handle.send({ type: 'audio', offsetSamples });
      await pass(1_100);
      expect(listener.claims.map(({ attempt }) => attempt)).toEqual([1, 2]);
      expect(handler.runs[0]?.inputs.length).toBe(lost);
      expect(handler.runs[0]?.stopped).toBe(true);
      expect(ended).toMatchObject([{ outcome: 'handed_back' }]);
    });

    it('goes on elsewhere when a worker freezes, and the frozen one changes nothing when it wakes', async () => {
      await runner.stop(0);
      const frozenBus = new FreezableBroker(bus);
      const frozenHandler = new ScriptedHandler();
      const frozen = new LaneRunner({
        broker: frozenBus,
        workerId: 'frozen',
        lanes: [{ lane: ttsLane, seats: 1 }],
        handlers: { tts: frozenHandler.handle },
      });
      runners.push(frozen);
      await frozen.start();
      await pass(0);
      const { listener } = await submit();
      for (const emission of whole.slice(0, 2)) frozenHandler.last.emit.next(emission);
      await pass(0);
      frozenBus.frozen = true;
      await makeRunner('worker-2', 1);
      await pass(1_600);
      expect(handler.last.context).toMatchObject({ attempt: 2, offsetSamples: 4, durations: [3, 5] });
      await emit({ output: plan });
      frozenBus.frozen = false;
      for (const emission of whole.slice(2)) frozenHandler.last.emit.next(emission);
      await pass(600);
      expect(listener.ends).toEqual([]);
      expect(await load()).toEqual({ waiting: 0, running: 1 });
      await emit(...whole.slice(2));
      expect(listener.told).toEqual(['plan', 'audio@0', 'plan', 'audio@4']);
      expect(listener.ends).toEqual(['end']);
      expect(frozen.heldJobs).toBe(0);
    });
  });

  describe('stops', () => {
    it('after its jobs have ended, without taking more', async () => {
      const { listener } = await submit();
      const stopped = runner.stop(10_000);
      await pass(10);
      await submit();
      expect(handler.runs).toHaveLength(1);
      expect(handler.last.drained).toBe(true);
      expect(await load()).toEqual({ waiting: 1, running: 1 });
      await emit(...whole);
      await stopped;
      expect(listener.ends).toEqual(['end']);
    });

    it('with jobs handed back that did not end in time, and counts no crash', async () => {
      const { listener } = await submit();
      const stopped = runner.stop(2_000);
      await pass(2_000);
      await stopped;
      expect(handler.last.stopped).toBe(true);
      expect(await load()).toEqual({ waiting: 1, running: 0 });
      for (const name of ['worker-2', 'worker-3', 'worker-4']) {
        const next = await makeRunner(name, 1);
        const nextStopped = next.stop(0);
        await pass(0);
        await nextStopped;
      }
      expect(listener.claims.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      expect(listener.ends).toEqual([]);
    });

    it('and says in its beats that it does', async () => {
      const beats: WorkerBeat[] = [];
      new MemoryBroker(bus).subscribe(subjects.workerPresence, (payload) => {
        beats.push(decodeFrame(payload).header as WorkerBeat);
      });
      await submit();
      await submit(sttRequest());
      handler.last.emit.next({ output: credit(1) });
      await pass(1_000);
      const lanes = [
        { lane: 'tts.piper', seats: 2, busySeats: 1, voices: ['joe'], realTimeFactor: 0.1 },
        { lane: 'stt.whisper', seats: 2, busySeats: 1, voices: [], realTimeFactor: 0 },
      ];
      expect(beats.at(-1)).toMatchObject({ workerId: 'worker-1', draining: false, lanes });
      expect(beats.at(-1)?.held).toEqual(
        handler.runs.map(({ context: { jobId } }, index) => ({
          gatewayId: 'gateway',
          jobId,
          attempt: 1,
          outputs: index,
        })),
      );
      const stopped = runner.stop(0);
      await pass(0);
      await stopped;
      expect(beats.at(-1)).toMatchObject({ draining: true, held: [] });
    });
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
