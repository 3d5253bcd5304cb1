import type { JobHandle, JobListener, JobRequest } from '@app/broker';
import { bodyOf, type ProblemError, type TtsOutput } from '@app/protocol';
import type { TtsSettings } from '../../src/tts/tts-request';

/** Rate of the audio that `audio` makes. */
export const rateHz = 16_000;

/** A job as it was submitted. */
export interface Submitted {
  readonly request: JobRequest;
  readonly listener: JobListener;
  readonly cancelled: string[];
}

/** A bus on which the test plays the worker. */
export class ScriptedJobs {
  readonly submitted: Submitted[] = [];
  refuse: ProblemError | undefined;

  async submit(request: JobRequest, listener: JobListener): Promise<JobHandle> {
    await Promise.resolve();
    if (this.refuse) throw this.refuse;
    const cancelled: string[] = [];
    this.submitted.push({ request, listener, cancelled });
    return { send: () => undefined, cancel: (reason) => void cancelled.push(reason) };
  }

  get texts(): unknown[] {
    return this.submitted.map(({ request }) => request.job.text);
  }
}

const timings = { seatWaitMs: 1, frontendMs: 2, encodeMs: 3, decodeMs: 4, firstWindowMs: 2 };
export const plan = (seconds: number) =>
  ({
    type: 'plan',
    sampleRateHz: rateHz,
    totalSamples: seconds * rateHz,
    durations: [3, 4],
    words: [],
    phonemes: [],
  }) as const;

export const claim = ({ listener }: Submitted, attempt = 1): object => {
  const place = listener.resume();
  listener.onClaim({ attempt, waitedMs: 5 });
  return place;
};
export const answer = ({ listener }: Submitted, output: TtsOutput, body: Uint8Array = new Uint8Array()): void =>
  listener.onOutput(output, body);
export const audio = (job: Submitted, fromSecond: number, seconds: number, value = 0.5): void => {
  const body = bodyOf(new Float32Array(seconds * rateHz).fill(value));
  answer(job, { type: 'audio', offsetSamples: fromSecond * rateHz }, body);
};
export const end = ({ listener }: Submitted, seconds: number): void => {
  const output: TtsOutput = { type: 'end', totalSamples: seconds * rateHz, timings };
  listener.onEnd(output);
};
export const planned = (job: Submitted, seconds: number): void => {
  claim(job);
  job.listener.onOutput(plan(seconds), new Uint8Array());
};
export const speak = (job: Submitted, seconds: number, value?: number): void => {
  planned(job, seconds);
  audio(job, 0, seconds, value);
  end(job, seconds);
};

const voice = { id: 'v', kind: 'tts' as const, model: 'm', name: 'V', description: '', languages: ['en'] };
/** What a context is opened with: 16-bit audio at the rate of the scripted voice, no timestamps. */
export const contextSettings: TtsSettings = {
  voice,
  language: 'en',
  container: 'raw',
  format: { encoding: 'pcm_s16le', sampleRateHz: rateHz },
  speed: 1,
  volume: 1,
  seed: 0,
  wordTimestamps: false,
  phonemeTimestamps: false,
  maxBufferDelayMs: 3_000,
};
