import { availableParallelism } from 'node:os';
import { loadConfig } from '@app/platform';
import { InferenceConfig } from './inference.config';
import { WorkerSettings } from './worker-settings';

const settings = (variables: Record<string, string> = {}): WorkerSettings =>
  new WorkerSettings(loadConfig(InferenceConfig, variables));

describe('WorkerSettings', () => {
  it('gives each core an engine of one thread', () => {
    expect(settings().engines).toEqual({ count: availableParallelism(), threads: 1 });
  });

  it('lets requests that are to share batches meet in one engine', () => {
    expect(settings({ BATCHING: 'always' }).engines).toEqual({ count: 1, threads: availableParallelism() });
    expect(settings({ EXECUTION_PROVIDER: 'cuda' }).engines).toEqual({ count: 1, threads: 1 });
  });

  it('takes what is set', () => {
    expect(settings({ BATCHING: 'always', ENGINES: '3', ENGINE_THREADS: '2' }).engines).toEqual({
      count: 3,
      threads: 2,
    });
  });

  it('names every process differently, whatever it is called', () => {
    expect(settings({ WORKER_ID: 'a' }).workerId).not.toBe(settings({ WORKER_ID: 'a' }).workerId);
  });
});
