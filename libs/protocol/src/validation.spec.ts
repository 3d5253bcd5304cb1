import { IsDefined, IsInt } from 'class-validator';
import { ProblemError } from './problems';
import { TtsJob, TtsResume } from './jobs';
import { ClaimGranted, WorkerHeartbeat } from './messages';
import { Nested, NestedArray, validated } from './validation';

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
    const heartbeat = {
      workerId: 'w',
      version: '1',
      draining: false,
      lanes: ['tts.piper'],
      held: [{ gatewayId: 'g1', jobId: 'j1', attempt: 0, outputs: 0 }],
    };
    expect(problemOf(() => validated(WorkerHeartbeat, heartbeat)).detail).toMatch(/held\.0\..*attempt/);
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

  it('keeps unknown fields out', () => {
    expect(validated(TtsJob, { ...job, extra: 1 })).not.toHaveProperty('extra');
  });

  it('names unknown fields with their path where they are refused', () => {
    const outer = { inner: [{ known: 1 }, { known: 2, stray: 3 }], other: true };
    const { code, detail } = problemOf(() => validated(Outer, outer, { unknownFields: 'refused' }));
    expect(code).toBe('bad_request');
    expect(detail).toMatch(/property other should not exist/);
    expect(detail).toMatch(/inner\.1\.property stray should not exist/);
  });

  it.each([
    ['a constructor', { constructor: 1 }],
    ['a prototype', JSON.parse('{"__proto__": {"text": "x"}}') as object],
    ['deep arrays', JSON.parse('['.repeat(2_000) + ']'.repeat(2_000)) as object],
  ])('does not look at %s in a field that it does not read, nor in one that is taken as it is', (_, value) => {
    expect(validated(TtsJob, { ...job, metadata: value })).toEqual(Object.assign(new TtsJob(), job));
    expect(validated(FreeForm, { content: value }).content).toBe(value);
  });

  it('says once that a field must be an object or an array, and does not look into what it is instead', () => {
    const items = Array.from({ length: 3 }, () => new Proxy({}, { get: () => fail('was read') }));
    expect(problemOf(() => validated(Single, { inner: items })).detail).toBe('inner must be an object.');
    expect(problemOf(() => validated(Single, { inner: 'text' })).detail).toBe('inner must be an object.');
    expect(problemOf(() => validated(Outer, { inner: { known: 1 } })).detail).toBe('inner must be an array.');
    const refused = problemOf(() => validated(Single, { inner: items }, { unknownFields: 'refused' }));
    expect(refused.detail).toBe('inner must be an object.');
    expect(problemOf(() => validated(Single, { inner: null })).detail).toMatch(/^inner should not be null/);
  });

  it('names at most ten faults and counts the rest', () => {
    const inner = Array.from({ length: 500 }, () => ({ known: 'text' }));
    const { detail } = problemOf(() => validated(Outer, { inner }));
    expect(detail.split(';')).toHaveLength(11);
    expect(detail).toMatch(/; and 490 more\.$/);
  });

  it('costs nothing for what it does not read', () => {
    let read = 0;
    const trap = new Proxy({}, { ownKeys: () => (read++, []), get: () => read++ });
    validated(TtsJob, { ...job, metadata: trap });
    validated(FreeForm, { content: trap });
    expect(read).toBe(0);
  });
});

const fail = (why: string): never => {
  throw new Error(why);
};

class Inner {
  @IsInt()
  known!: number;
}

class Outer {
  @NestedArray(() => Inner)
  inner!: Inner[];
}

class Single {
  @IsDefined()
  @Nested(() => Inner)
  inner!: Inner;
}

class FreeForm {
  @IsDefined()
  content!: unknown;
}
