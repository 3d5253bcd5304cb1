import { ProblemError } from './problems';
import { SttJob, TtsJob, TtsResume } from './jobs';
import { ClaimGranted, WorkerBeat } from './messages';
import { validated } from './validation';

const job = {
  jobId: 'j1',
  gatewayId: 'g1',
  requestId: 'r1',
  model: 'piper',
  text: 'Hello.',
  voice: 'piper-joe',
  language: 'en',
  seed: 0,
  speed: 1,
  bufferedMs: 0,
};

const problemOf = (run: () => unknown): ProblemError => {
  try {
    run();
  } catch (error) {
    return error as ProblemError;
  }
  throw new Error('nothing was thrown');
};

describe('validation', () => {
  it('gives an instance of the class', () => {
    expect(validated(TtsJob, job)).toBeInstanceOf(TtsJob);
  });

  it.each([null, undefined, 'text', 3, [], [job]])('refuses what is not an object (%p)', (value) => {
    expect(problemOf(() => validated(TtsJob, value)).code).toBe('bad_request');
  });

  it('names every field that is wrong and never its value', () => {
    const { code, detail } = problemOf(() =>
      validated(TtsJob, { ...job, text: 5, seed: -1, gatewayId: 'secret value' }),
    );
    expect(code).toBe('bad_request');
    expect(detail).toMatch(/text/);
    expect(detail).toMatch(/seed/);
    expect(detail).toMatch(/gatewayId/);
    expect(detail).not.toMatch(/secret value/);
  });

  it('names the path of a nested field', () => {
    const beat = {
      workerId: 'w',
      version: '1',
      draining: false,
      lanes: [{ lane: 'tts.piper', seats: -1, busySeats: 0, voices: [], realTimeFactor: 0 }],
    };
    expect(problemOf(() => validated(WorkerBeat, beat)).detail).toMatch(/lanes\.0\..*seats/);
  });

  it('refuses ids that would break a subject', () => {
    expect(problemOf(() => validated(TtsJob, { ...job, jobId: 'a.b' })).code).toBe('bad_request');
    expect(problemOf(() => validated(TtsJob, { ...job, jobId: '>' })).code).toBe('bad_request');
  });

  it('leaves optional fields out', () => {
    const resume = { offsetSamples: 10, durations: [1, 2] };
    expect(validated(ClaimGranted, { attempt: 2, waitedMs: 3, resume }).resume).toEqual(resume);
    expect(validated(TtsResume, { offsetSamples: 0 }).durations).toBeUndefined();
    expect(validated(TtsResume, resume).durations).toEqual([1, 2]);
  });

  it('keeps unknown fields out when asked to', () => {
    const stt = {
      jobId: 'j',
      gatewayId: 'g',
      requestId: 'r',
      model: 'm',
      language: 'en',
      words: false,
      pace: 'live',
    };
    expect(validated(SttJob, { ...stt, extra: 1 }, { whitelist: true })).not.toHaveProperty('extra');
  });
});
