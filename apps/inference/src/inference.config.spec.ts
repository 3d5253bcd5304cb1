import { ProblemError } from '@app/protocol';
import { loadConfig } from '@app/platform';
import { profiles } from '@app/speech/batching';
import { InferenceConfig, tuningFrom } from './inference.config';
import { WorkerSettings } from './worker-settings';

const load = (environment: Record<string, string> = {}): Readonly<InferenceConfig> =>
  loadConfig(InferenceConfig, environment);

function problemOf(work: () => unknown): ProblemError {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemError) return error;
  }
  throw new Error('it was accepted');
}

describe('InferenceConfig', () => {
  it('is whole without any variable', () => {
    const config = load();
    expect(config).toMatchObject({ metricsPort: 8080, executionProvider: 'cpu' });
    expect(tuningFrom(config)).toEqual(profiles.balanced);
  });

  it('takes a profile, and numbers in place of its own', () => {
    const config = load({ PROFILE: 'throughput', BATCH_SIZE: '3', BATCHING: 'off', PARTIAL_INTERVAL_MS: '750' });
    expect(tuningFrom(config)).toEqual({
      ...profiles.throughput,
      batchSize: 3,
      batching: 'off',
      partialIntervalMs: 750,
    });
  });

  it('lets every number of a profile be set', () => {
    const names = Object.keys(profiles.balanced).map((name) =>
      name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
    );
    const values = Object.fromEntries(names.map((name) => [name, name === 'BATCHING' ? 'always' : '7']));
    const small = {
      ...values,
      PARTIAL_INTERVAL_MS: '77',
      FIRST_PARTIAL_MS: '777',
      END_SILENCE_MS: '777',
      EAGER_SILENCE_MS: '77',
    };
    const tuning = tuningFrom(load(small));
    for (const [name, value] of Object.entries(profiles.balanced)) {
      expect([name, tuning[name as keyof typeof tuning]]).not.toEqual([name, value]);
    }
  });

  it.each([
    [{ BATCHING: 'sometimes' }, 'BATCHING'],
    [{ LANES: 'tts.Piper' }, 'LANES'],
    [{ ENGINES: '0' }, 'ENGINES'],
    [{ PROFILE: 'fast' }, 'PROFILE'],
    [{ STEP_TIMEOUT_MS: 'soon' }, 'STEP_TIMEOUT_MS'],
  ])('names the variable that is wrong: %o', (environment, name) => {
    const problem = problemOf(() => load(environment));
    expect(problem.code).toBe('config_invalid');
    expect(problem.detail.toUpperCase()).toContain(name);
  });
});

describe('WorkerSettings', () => {
  it('reads the lanes', () => {
    expect(new WorkerSettings(load({ LANES: 'tts.piper, stt.whisper-base' })).lanes).toEqual([
      { kind: 'tts', model: 'piper' },
      { kind: 'stt', model: 'whisper-base' },
    ]);
  });

  it('never gives two processes the same id, even where one is set', () => {
    const ids = Array.from({ length: 4 }, () => new WorkerSettings(load({ WORKER_ID: 'w'.repeat(64) })).workerId);
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^w+-[0-9a-f]{8}$/);
    for (const id of ids) expect(id.length).toBeLessThanOrEqual(64);
    expect(new WorkerSettings(load()).workerId).toMatch(/^worker-[0-9a-f]{8}$/);
  });
});
