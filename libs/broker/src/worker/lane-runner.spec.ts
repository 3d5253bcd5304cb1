import { decodeFrame, encodeFrame, subjects, type WorkerBeat } from '@app/protocol';
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
    it('and brings what the handler emits to the session, then leaves nothing behind', async () => {
      const { listener } = await bench.submit();
      await bench.emit(...utterance);
      expect(listener.told).toEqual(['plan', 'audio@0', 'audio@4']);
      expect(Buffer.concat(listener.bodies)).toEqual(Buffer.from(samples(1, 2, 3, 4, 5, 6, 7, 8)));
      expect(listener.ends).toEqual(['end']);
      expect(await bench.load()).toEqual({ waiting: 0, running: 0 });
      expect(runner.heldJobs).toBe(0);
      expect(bench.events).toEqual(['seat taken', 'granted after 0', 'seat freed']);
      expect(bench.ended).toMatchObject([{ kind: 'tts', attempt: 1, outcome: 'done', waitMs: 0, runMs: 0 }]);
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

    it('of the class of first utterances before the rest', async () => {
      for (const text of ['a', 'b']) await bench.submit(ttsRequest('rest', text));
      for (const text of ['c', 'd']) await bench.submit(ttsRequest('rest', text));
      for (const text of ['e', 'f']) await bench.submit(ttsRequest('first', text));
      for (let index = 0; index < 5; index += 1) {
        bench.handler.runs[index]?.emit({ output: ttsEnd });
        await pass(0);
      }
      expect(bench.handler.runs.map(({ job }) => job.text)).toEqual(['a', 'b', 'e', 'f', 'c', 'd']);
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

    it('and says in its beats that it does', async () => {
      const beats: WorkerBeat[] = [];
      bench.broker().subscribe(subjects.workerPresence, (payload) => {
        beats.push(decodeFrame(payload).header as WorkerBeat);
      });
      await bench.submit();
      await bench.submit(sttRequest());
      bench.handler.last.emit({ output: credit(1) });
      await pass(1_000);
      const lanes = [
        { lane: 'tts.piper', seats: 2, busySeats: 1, voices: ['joe'], realTimeFactor: 0.1 },
        { lane: 'stt.whisper', seats: 2, busySeats: 1, voices: [], realTimeFactor: 0 },
      ];
      expect(beats.at(-1)).toMatchObject({ workerId: 'worker-1', draining: false, lanes });
      expect(beats.at(-1)?.held).toEqual(
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
      expect(beats.at(-1)).toMatchObject({ draining: true, held: [] });
    });
  });
});
