import { ProblemError, samplesOf, TtsJob, type TtsOutput } from '@app/protocol';
import type { TtsStep, TtsStepResult, UtterancePlan } from '@app/speech/engines';
import { StepDropped, type StepDone, type StepRequest } from '../engine/engine-pool';
import { TtsUtterance, type TtsAttempt } from './tts-utterance';

const sampleRateHz = 1_000;
const plan: UtterancePlan = {
  durations: [1, 2, 3],
  totalSamples: 1_000,
  windows: [
    { startSample: 0, endSample: 100 },
    { startSample: 100, endSample: 400 },
    { startSample: 400, endSample: 1_000 },
  ],
  words: [{ word: 'Hello', startSample: 10, endSample: 300 }],
  phonemes: [{ phoneme: 'h', startSample: 10, endSample: 50 }],
  frontendMs: 2,
  encodeMs: 3,
};

interface Waiting {
  readonly request: StepRequest<TtsStep>;
  readonly step: TtsStep;
  resolve(done: StepDone<TtsStepResult>): void;
  reject(error: Error): void;
}

/** Steps that run when the test says so; the sample at place N of the utterance has the value N. */
class HeldSteps {
  readonly waiting: Waiting[] = [];
  readonly dropped: string[] = [];

  run(request: StepRequest<TtsStep>): Promise<StepDone<TtsStepResult>> {
    return new Promise((resolve, reject) => this.waiting.push({ request, step: request.make(), resolve, reject }));
  }

  drop(id: string): void {
    this.dropped.push(id);
    for (const entry of this.waiting.splice(0)) entry.reject(new StepDropped());
  }

  async finish(entry = this.waiting[0]): Promise<void> {
    if (!entry) throw new Error('nothing waits');
    this.waiting.splice(this.waiting.indexOf(entry), 1);
    this.answer(entry);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Runs all steps of one utterance. */
  async finishAll(): Promise<void> {
    const most = 1 + plan.windows.length;
    for (let count = 0; count < most && this.waiting.length > 0; count += 1) await this.finish();
  }

  answer(waiting: Waiting): void {
    const { step } = waiting;
    const shared = { startedAtMs: 5, tookMs: 10, batchSize: 1 };
    if (step.op === 'encode') {
      const opened = { batchKeys: ['short', 'long', 'long'], sampleRateHz };
      return waiting.resolve({ ...shared, result: { op: 'encode', plan }, opened });
    }
    const { startSample = 0, endSample = 0 } = plan.windows[step.window] ?? {};
    const samples = Float32Array.from({ length: endSample - startSample }, (_, at) => startSample + at);
    waiting.resolve({ ...shared, result: { op: 'decode', samples }, opened: undefined });
  }
}

interface Emission {
  readonly output: TtsOutput;
  readonly body: Uint8Array | undefined;
}

const job = Object.assign(new TtsJob(), {
  jobId: 'job',
  text: 'Hello',
  voice: 'joe',
  language: 'en',
  seed: 7,
  speed: 1,
  bufferedMs: 0,
});

const speak = (attempt: Partial<TtsAttempt> = {}, bufferedMs = 0) => {
  const steps = new HeldSteps();
  const emissions: Emission[] = [];
  const clock = { nowMs: 0 };
  const utterance = new TtsUtterance(
    { ...job, bufferedMs },
    { attempt: 1, offsetSamples: 0, ...attempt },
    steps,
    { playbackMarginMs: 50, startPatienceMs: 300, now: () => clock.nowMs },
    (output, body) => emissions.push({ output, body }),
  );
  const done = utterance.run();
  done.catch(() => undefined);
  return { steps, emissions, clock, utterance, done };
};

const offsets = (emissions: readonly Emission[]): number[] =>
  emissions.flatMap(({ output }) => (output.type === 'audio' ? output.offsetSamples : []));

const audio = (emissions: readonly Emission[]): number[] =>
  emissions.flatMap(({ body }) => (body ? [...samplesOf(body)] : []));

const countingFrom = (first: number): number[] => Array.from({ length: 1_000 - first }, (_, at) => first + at);

describe('TtsUtterance', () => {
  it('tells its plan, then all its audio in order, then the end', async () => {
    const { steps, emissions, done } = speak();
    await steps.finishAll();
    const report = await done;
    expect(emissions.map(({ output }) => output.type)).toEqual(['plan', 'audio', 'audio', 'audio', 'end']);
    expect(emissions[0]?.output).toEqual({
      type: 'plan',
      sampleRateHz,
      totalSamples: 1_000,
      durations: [1, 2, 3],
      words: [['Hello', 10, 300]],
      phonemes: [['h', 10, 50]],
    });
    expect(audio(emissions)).toEqual(countingFrom(0));
    expect(emissions.at(-1)?.output).toEqual({
      type: 'end',
      totalSamples: 1_000,
      timings: { seatWaitMs: 5, frontendMs: 2, encodeMs: 3, decodeMs: 30, firstWindowMs: 10 },
    });
    expect(report.audioMs).toBe(1_000);
    expect(steps.dropped).toEqual(['job.1']);
  });

  it('asks for the first window alone, and then for the others, each with its key', async () => {
    const { steps } = speak();
    await steps.finish();
    expect(steps.waiting.map(({ request }) => request.batchKey)).toEqual(['short']);
    await steps.finish();
    expect(steps.waiting.map(({ request }) => request.batchKey)).toEqual(['long', 'long']);
  });

  it('is awaited until it is heard, and then due as its audio is played', async () => {
    const { steps, clock } = speak();
    expect(steps.waiting[0]?.request).toMatchObject({ dueMs: 300, awaited: true });
    clock.nowMs = 20;
    await steps.finish();
    expect(steps.waiting[0]?.request).toMatchObject({ dueMs: 300, awaited: true });
    clock.nowMs = 30;
    await steps.finish();
    expect(steps.waiting.map(({ request }) => request.dueMs)).toEqual([30 + 100 - 50 - 30, 30 + 400 - 50 - 60]);
  });

  it('can wait while earlier audio of its context is played', () => {
    const { steps } = speak({}, 2_000);
    expect(steps.waiting[0]?.request).toMatchObject({ dueMs: 1_750, awaited: false });
  });

  it('keeps the order of its audio when windows finish in another', async () => {
    const { steps, emissions } = speak();
    await steps.finish();
    await steps.finish();
    await steps.finish(steps.waiting[1]);
    expect(offsets(emissions)).toEqual([0]);
    await steps.finish();
    expect(offsets(emissions)).toEqual([0, 100, 400]);
  });

  it('goes on in the middle of a window, with the durations of the attempt before', async () => {
    const { steps, emissions } = speak({ attempt: 2, offsetSamples: 250, durations: [9, 9, 9] });
    expect(steps.waiting[0]?.step).toMatchObject({ op: 'encode', id: 'job.2', utterance: { durations: [9, 9, 9] } });
    await steps.finish();
    expect(steps.waiting.map(({ step }) => step)).toEqual([{ op: 'decode', id: 'job.2', window: 1 }]);
    await steps.finishAll();
    expect(offsets(emissions)).toEqual([250, 400]);
    expect(audio(emissions)).toEqual(countingFrom(250));
  });

  it('decodes nothing when all its audio was taken already', async () => {
    const { steps, emissions, done } = speak({ attempt: 2, offsetSamples: 1_000 });
    await steps.finish();
    expect((await done).firstAudioMs).toBeUndefined();
    expect(emissions.map(({ output }) => output.type)).toEqual(['plan', 'end']);
  });

  it('frees everything and asks for nothing more when it is dropped', async () => {
    const { steps, emissions, utterance, done } = speak();
    await steps.finish();
    await steps.finish();
    utterance.drop();
    expect(steps.waiting).toEqual([]);
    expect(steps.dropped).toEqual(['job.1']);
    await expect(done).rejects.toBeInstanceOf(StepDropped);
    expect(offsets(emissions)).toEqual([0]);
  });

  it('takes no step after the one that ran when it was dropped', async () => {
    const { steps, emissions, utterance, done } = speak();
    const running = steps.waiting.splice(0)[0];
    utterance.drop();
    if (running) steps.answer(running);
    await expect(done).rejects.toBeInstanceOf(StepDropped);
    expect(steps.waiting).toEqual([]);
    expect(emissions).toEqual([]);
  });

  it('fails with the problem of its engine, and frees what it holds', async () => {
    const { steps, done } = speak();
    await steps.finish();
    await steps.finish();
    const problem = new ProblemError('worker_unavailable');
    for (const entry of steps.waiting) entry.reject(problem);
    await expect(done).rejects.toBe(problem);
    expect(steps.dropped).toEqual(['job.1']);
  });
});
