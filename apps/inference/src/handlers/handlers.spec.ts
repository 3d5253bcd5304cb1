import type { INestMicroservice, Type } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { JobClient, JobStrategy, MemoryBroker, MemoryBus } from '@app/broker';
import { loadConfig, Log, Tracing } from '@app/platform';
import { ProblemError, type Lane, type SttOutput, type TtsOutput } from '@app/protocol';
import type { TtsStep, TtsStepResult, UtterancePlan } from '@app/speech/engines';
import { FakeSttSteps, spokenAudio } from '../../../../test/support/fake-stt-steps';
import { until } from '../../../../test/support/until';
import type { StepDone, StepRequest } from '../engine/engine-pool';
import { InferenceConfig } from '../inference.config';
import { LaneEngines } from '../lanes/lane-engines';
import { InferenceMetrics } from '../metrics/inference-metrics';
import { WorkerSettings } from '../worker-settings';
import { tracedHandler } from '../tracing/traced-handler';
import * as handlers from '.';

const tts: Lane = { kind: 'tts', model: 'piper' };
const stt: Lane = { kind: 'stt', model: 'whisper-tiny-en' };

/** A voice of one window of 100 samples; it hangs for the text "Wait." and dies for "Die.". */
class TinyVoice {
  readonly dropped: string[] = [];
  deaths = 1;

  run(request: StepRequest<TtsStep>): Promise<StepDone<TtsStepResult>> {
    const step = request.make();
    const done = { startedAtMs: performance.now(), tookMs: 1, batchSize: 1 };
    if (step.op === 'decode') {
      return Promise.resolve({ ...done, result: { op: 'decode', samples: new Float32Array(100) }, opened: undefined });
    }
    if (step.utterance.text === 'Wait.') return new Promise(() => undefined);
    if (step.utterance.text === 'Die.' && this.deaths-- > 0) {
      return Promise.reject(new ProblemError('worker_unavailable', { cause: new Error('killed') }));
    }
    const plan: UtterancePlan = {
      durations: [1],
      totalSamples: 100,
      windows: [{ startSample: 0, endSample: 100 }],
      words: [],
      phonemes: [],
      frontendMs: 1,
      encodeMs: 1,
    };
    return Promise.resolve({
      ...done,
      result: { op: 'encode', plan },
      opened: { batchKeys: ['w'], sampleRateHz: 22_050 },
    });
  }

  drop(id: string): void {
    this.dropped.push(id);
  }
}

interface Heard {
  readonly outputs: (TtsOutput | SttOutput)[];
  readonly attempts: number[];
  readonly over: Promise<string>;
}

describe('the handlers of a worker on a bus', () => {
  let bus: MemoryBus;
  let client: JobClient;
  let app: INestMicroservice;
  let voice: TinyVoice;
  let ears: FakeSttSteps;
  let log: string;
  const took: [string, number, number][] = [];
  const spans = new InMemorySpanExporter();
  const tracing = Tracing.through('inference', new SimpleSpanProcessor({ exporter: spans }));

  beforeEach(async () => {
    bus = new MemoryBus();
    voice = new TinyVoice();
    ears = new FakeSttSteps();
    log = '';
    took.length = 0;
    spans.reset();
    const engines = {
      modelsOf: () => ['joe'],
      of: ({ kind }: Lane) => (kind === 'tts' ? voice : ears),
      jobTook: (lane: Lane, computeMs: number, audioMs: number) => took.push([lane.kind, computeMs, audioMs]),
    };
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule],
      controllers: Object.values<Type>(handlers),
      providers: [
        { provide: LaneEngines, useValue: engines },
        { provide: WorkerSettings, useValue: new WorkerSettings(loadConfig(InferenceConfig, {})) },
        { provide: InferenceMetrics, useValue: { waitedForSeat: () => undefined, firstAudio: () => undefined } },
        { provide: Tracing, useValue: tracing },
        { provide: Log, useValue: Log.create('test', 'info', { write: (line: string) => void (log += line) }) },
      ],
    }).compile();
    const lanes = [tts, stt].map((lane) => ({ lane, seats: 2 }));
    const strategy = new JobStrategy(module.get(DiscoveryService), {
      broker: new MemoryBroker(bus),
      workerId: 'worker',
      lanes,
      drainTimeoutMs: 3_000,
      around: (kind, handler) => tracedHandler(tracing, kind, handler),
    });
    app = module.createNestMicroservice<MicroserviceOptions>({ strategy, logger: false });
    await app.listen();
    client = new JobClient(new MemoryBroker(bus), { gatewayId: 'gateway' });
    await client.start();
  });

  afterEach(async () => {
    await client.close();
    await app.close();
  });

  const submit = async (lane: Lane, job: object, begun?: (attempt: number) => void, headers = {}) => {
    const outputs: (TtsOutput | SttOutput)[] = [];
    const attempts: number[] = [];
    let end: (how: string) => void = () => undefined;
    const over = new Promise<string>((resolve) => (end = resolve));
    const handle = await client.submit(
      {
        lane,
        jobClass: lane.kind === 'tts' ? 'first' : 'open',
        headers,
        job: { requestId: 'request-1', model: lane.model, ...job },
      },
      {
        onClaim: ({ attempt }) => {
          attempts.push(attempt);
          setImmediate(() => begun?.(attempt));
        },
        resume: () => ({ offsetSamples: 0 }),
        onOutput: (output: TtsOutput | SttOutput) => void outputs.push(output),
        onEnd: () => end('end'),
        onProblem: ({ code }) => end(code),
      },
    );
    return { handle, heard: { outputs, attempts, over } satisfies Heard };
  };
  const say = (text: string, over: object = {}, begun?: () => void) =>
    submit(tts, { text, voice: 'joe', language: 'en', seed: 1, speed: 1, bufferedMs: 0, ...over }, begun);

  it('are traced from the headers of a job to the steps it took, without its content', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const job = { text: 'Secret words.', voice: 'joe', language: 'en', seed: 1, speed: 1, bufferedMs: 0 };
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const { heard } = await submit(tts, job, undefined, headers);
    await heard.over;
    await until(() => spans.getFinishedSpans().length >= 3);
    const [encode, decode, run] = spans.getFinishedSpans();
    expect([encode?.name, decode?.name, run?.name]).toEqual(['step encode', 'step decode', 'run tts']);
    expect(run?.parentSpanContext).toMatchObject({ traceId, spanId: 'b7ad6b7169203331' });
    expect(run?.attributes).toMatchObject({ 'antiphon.request_id': 'request-1', 'antiphon.attempt': 1 });
    for (const step of [encode, decode]) {
      expect(step?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId);
      expect(step?.attributes).toEqual({ 'antiphon.batch_size': 1 });
    }
    expect(JSON.stringify(spans.getFinishedSpans().map(({ attributes }) => attributes))).not.toContain('Secret');
  });

  it('end the span of a job with the problem that ended it', async () => {
    const { heard } = await say('Hello.', { voice: 'nobody' });
    await heard.over;
    await until(() => spans.getFinishedSpans().length > 0);
    expect(spans.getFinishedSpans().map(({ attributes }) => attributes['error.type'])).toEqual(['voice_not_found']);
  });

  it('speak, and tell what it took', async () => {
    const { heard } = await say('Secret words.');
    expect(await heard.over).toBe('end');
    expect(heard.outputs.map(({ type }) => type)).toEqual(['plan', 'audio']);
    await until(() => took.length > 0);
    expect(took).toEqual([['tts', 3, (100 / 22_050) * 1_000]]);
    await until(() => log.includes('job ended'));
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'job claimed', requestId: 'request-1', attempt: 1 }),
      expect.objectContaining({ msg: 'job ended', requestId: 'request-1', outcome: 'done' }),
    ]);
    expect(log).not.toContain('Secret');
  });

  it('refuse a voice that is not here', async () => {
    const { heard } = await say('Hello.', { voice: 'unknown' });
    expect(await heard.over).toBe('voice_not_found');
  });

  it('hand a job back whose engine died, so that another attempt is made', async () => {
    const { heard } = await say('Die.');
    expect(await heard.over).toBe('end');
    expect(heard.attempts).toEqual([1, 2]);
  });

  it('free what a cancelled job holds', async () => {
    let begun = false;
    const { handle } = await say('Wait.', {}, () => (begun = true));
    await until(() => begun);
    handle.cancel('test');
    await until(() => voice.dropped.length > 0);
    expect(voice.dropped[0]).toMatch(/\.1$/);
  });

  it('hear what is sent, and end when the audio does', async () => {
    const samples = spokenAudio(0.5, [1, 0.5], [2, 0.5], 1);
    const pcm = Buffer.from(Int16Array.from(samples, (sample) => Math.round(sample * 32_768)).buffer);
    const { handle, heard } = await submit(stt, { language: 'en', words: true, pace: 'live' }, () => {
      for (let at = 0; at < samples.length; at += 1_600) {
        handle.send({ type: 'audio', offsetSamples: at }, pcm.subarray(at * 2, (at + 1_600) * 2));
      }
      handle.send({ type: 'finalize', marker: 5 });
      handle.send({ type: 'close' });
    });
    expect(await heard.over).toBe('end');
    const finals = heard.outputs.flatMap((output) => (output.type === 'final' ? [output.text] : []));
    expect(finals).toEqual(['w1 w2']);
    expect(heard.outputs.at(-1)).toEqual({ type: 'flushed', marker: 5 });
    await until(() => took.length > 0);
    expect(took[0]?.[2]).toBeCloseTo(2_500);
  });

  it('hand back a stream that is silent when the worker stops', async () => {
    let begun = false;
    const { heard } = await submit(stt, { language: 'en', words: true, pace: 'live' }, () => (begun = true));
    await until(() => begun);
    await app.close();
    expect(ears.dropped).toHaveLength(1);
    expect(heard.attempts).toEqual([1]);
    expect(log).toContain('handed back');
  });
});
