import { decodeFrame, encodeFrame, subjects, type WorkerHeartbeat } from '@app/protocol';
import { credit, sttLane, sttRequest, ttsEnd, ttsLane, ttsRequest } from '../testing/jobs';
import { RecordingListener } from '../testing/recording-listener';
import { ScriptedHandler } from '../testing/scripted-handlers';
import { isA, pass, samples, utterance, WorkerBench } from '../testing/worker-bench';
import type { LaneRunner } from './lane-runner';

describe('LaneRunner', () => {
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

  describe('takes jobs', () => {
    it('and leaves one whose claim is not answered before it could hear of any gateway', async () => {
      await runner.stop(0);
      await bench.submit();
      let claims = 0;
      bench.bus.relay = (message, deliver) => {
        if (message.subject === subjects.gatewayPresence) return;
        if (!isA('claim', message) || ++claims > 1) deliver();
      };
      await bench.runner('fresh', 1);
      await pass(1_100);
      expect(await bench.load()).toEqual({ waiting: 0, running: 1 });
      await pass(1_100);
      expect(claims).toBe(2);
      expect(bench.handler.runs).toHaveLength(1);
    });

    it('and ends one whose gateway it has not heard of in all the time in which it would have', async () => {
      await runner.stop(0);
      bench.presence.stop();
      await bench.client.close();
      const address = { jobId: 'orphan', gatewayId: 'nobody' };
      await bench.broker().publishJob(ttsLane, 'first', encodeFrame(address), 60_000);
      await bench.runner('fresh', 1);
      await pass(6_000);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    });

    it('and brings what the handler emits to the session, then leaves nothing behind', async () => {
      const { listener } = await bench.submit();
      await bench.emit(...utterance);
      expect(listener.received).toEqual(['plan', 'audio@0', 'audio@4']);
      expect(Buffer.concat(listener.bodies)).toEqual(Buffer.from(samples(1, 2, 3, 4, 5, 6, 7, 8)));
      expect(listener.ends).toEqual(['end']);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
      expect(bench.events).toEqual(['seat taken', 'granted after 0', 'seat freed']);
      expect(bench.ended).toMatchObject([{ lane: ttsLane, outcome: 'done' }]);
    });

    it('with all their fields, and the place where to go on', async () => {
      const listener = new RecordingListener();
      listener.resume = () => ({ offsetSamples: 7, durations: [1, 2] });
      await bench.submit(ttsRequest('rest', 'Speak this.'), listener);
      expect(bench.handler.last.job).toMatchObject({ text: 'Speak this.', voice: 'joe' });
      const resume = { offsetSamples: 7, durations: [1, 2] };
      expect(bench.handler.last.context).toMatchObject({ attempt: 1, resume });
    });

    it.each(['first', 'rest'])('of class %s at once while it is idle', async (jobClass) => {
      await pass(20_000);
      await bench.submit(ttsRequest(jobClass));
      expect(bench.handler.runs).toHaveLength(1);
    });

    it('no more than it has seats, and the next as soon as one is free', async () => {
      for (let index = 0; index < 4; index += 1) await bench.submit(ttsRequest(index % 2 ? 'first' : 'rest'));
      expect(runner.busySeats(ttsLane)).toBe(2);
      expect(bench.handler.runs).toHaveLength(2);
      expect(await bench.load()).toEqual({ waiting: 2, running: 2 });
      await bench.emit(...utterance);
      expect(bench.handler.runs).toHaveLength(3);
    });

    it('no more than it has seats when both classes bring one at once', async () => {
      const single = new ScriptedHandler();
      await runner.stop(0);
      const worker = await bench.runner('worker-2', 1, single);
      const listeners = [new RecordingListener(), new RecordingListener()];
      for (const [index, jobClass] of ['rest', 'first'].entries()) {
        void bench.client.submit(ttsRequest(jobClass, jobClass), listeners[index] ?? new RecordingListener());
      }
      await pass(0);
      expect(worker.busySeats(ttsLane)).toBe(1);
      expect(single.runs).toHaveLength(1);
      single.last.emit({ output: ttsEnd });
      await pass(0);
      expect(single.runs).toHaveLength(2);
    });

    it.each([
      ['a burst of first utterances keeps no seat from who listens already', 'first', 'rest'],
      ['a long text keeps no seat from a new request', 'rest', 'first'],
    ] as const)('of its classes in turns: %s', async (_, many, few) => {
      for (const text of ['a', 'b']) await bench.submit(ttsRequest(many, text));
      for (const text of ['c', 'd', 'e', 'f', 'g', 'h']) await bench.submit(ttsRequest(many, text));
      for (const text of ['y', 'z']) await bench.submit(ttsRequest(few, text));
      for (let index = 0; index < 8; index += 1) {
        bench.handler.runs[index]?.emit({ output: ttsEnd });
        await pass(0);
      }
      const texts = bench.handler.runs.map(({ job }) => job.text);
      expect(texts.indexOf('y')).toBeLessThanOrEqual(3);
      expect(texts.indexOf('z')).toBeLessThanOrEqual(5);
      expect(texts.filter((text) => text !== 'y' && text !== 'z')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    });

    it('of each lane on seats of its own', async () => {
      for (let index = 0; index < 2; index += 1) await bench.submit();
      await bench.submit(sttRequest());
      expect(runner.busySeats(ttsLane)).toBe(2);
      expect(runner.busySeats(sttLane)).toBe(1);
    });

    it('back up where a lost bus left it', async () => {
      await pass(1_000);
      bench.bus.stop();
      await pass(5_000);
      bench.bus.start();
      await pass(0);
      const { listener } = await bench.submit();
      await pass(500);
      await bench.emit(...utterance);
      expect(listener.ends).toEqual(['end']);
    });
  });

  describe('refuses', () => {
    it('what is no job at all', async () => {
      await bench.broker().publishJob(ttsLane, 'first', Buffer.from('nonsense'), 60_000);
      await pass(0);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
      expect(bench.logged).toEqual([['message in a lane is no job', ['lane', 'sequence']]]);
      expect(bench.events).toEqual([]);
    });

    it('a job that breaks the rules of its kind, and says so to the session', async () => {
      const request = ttsRequest();
      const { listener } = await bench.submit({ ...request, job: { ...request.job, speed: 99 } });
      expect(listener.problem?.code).toBe('bad_request');
      expect(listener.problem?.detail).toContain('speed');
      expect(bench.handler.runs).toHaveLength(0);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
    });

    it('a job whose gateway is not there any more', async () => {
      // Long enough to have heard of any gateway that lives.
      await pass(4_000);
      const orphan = encodeFrame({ jobId: 'orphan', gatewayId: 'gone', requestId: 'r', model: 'piper' });
      await bench.broker().publishJob(ttsLane, 'first', orphan, 60_000);
      await pass(0);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
      expect(bench.events).toEqual(['seat taken', 'seat freed', 'refused']);
    });

    it('no job for good whose gateway is alive but did not answer', async () => {
      await pass(1_000);
      let drops = 1;
      bench.bus.relay = (message, deliver) => {
        if (isA('claim', message) && drops-- > 0) return;
        deliver();
      };
      const { listener } = await bench.submit();
      expect(bench.handler.runs).toHaveLength(0);
      await pass(1_200);
      await bench.emit(...utterance);
      expect(listener.ends).toEqual(['end']);
    });
  });

  describe('stops', () => {
    it('after its jobs have ended, without taking more', async () => {
      const { listener } = await bench.submit();
      const stopped = runner.stop(10_000);
      await pass(10);
      await bench.submit();
      expect(bench.handler.runs).toHaveLength(1);
      expect(bench.handler.last.drained).toBe(true);
      expect(await bench.load()).toEqual({ waiting: 1, running: 1 });
      await bench.emit(...utterance);
      await stopped;
      expect(listener.ends).toEqual(['end']);
    });

    it('with jobs handed back that did not end in time, and counts no crash', async () => {
      const { listener } = await bench.submit();
      const stopped = runner.stop(2_000);
      await pass(2_000);
      await stopped;
      expect(bench.handler.last.stopped).toBe(true);
      expect(await bench.load()).toEqual({ waiting: 0, running: 1 });
      for (const name of ['worker-2', 'worker-3', 'worker-4']) {
        const next = await bench.runner(name, 1);
        const nextStopped = next.stop(0);
        await pass(0);
        await nextStopped;
      }
      expect(listener.claims.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      expect(listener.ends).toEqual([]);
    });

    it('and says in its heartbeats that it does', async () => {
      const heartbeats: WorkerHeartbeat[] = [];
      bench.broker().subscribe(subjects.workerPresence, (payload) => {
        heartbeats.push(decodeFrame(payload).header as WorkerHeartbeat);
      });
      await bench.submit();
      await bench.submit(sttRequest());
      bench.handler.last.emit({ output: credit(1) });
      await pass(1_000);
      const lanes = ['tts.piper', 'stt.whisper'];
      expect(heartbeats.at(-1)).toMatchObject({ workerId: 'worker-1', draining: false, lanes });
      expect(heartbeats.at(-1)?.held).toEqual(
        bench.handler.runs.map(({ context: { jobId } }, index) => ({
          gatewayId: 'gateway',
          jobId,
          attempt: 1,
          outputs: index,
        })),
      );
      const stopped = runner.stop(0);
      await pass(0);
      await stopped;
      expect(heartbeats.at(-1)).toMatchObject({ draining: true, held: [] });
    });
  });
});
