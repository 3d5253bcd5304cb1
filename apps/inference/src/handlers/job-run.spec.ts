import { ProblemError, type Job } from '@app/protocol';
import { Log } from '@app/platform';
import { jobContext, resultOf } from '../../../../test/support/job-context';
import { resultEmission } from './job-run';

describe('resultEmission', () => {
  let lines: string;
  const log = Log.create('test', 'info', { write: (line: string) => void (lines += line) });
  const run = (work: (dropped: AbortSignal) => object | Promise<object>) =>
    resultEmission(log, { requestId: 'request-1', model: 'builtin' } as Job, jobContext(Buffer.alloc(0)), work);

  beforeEach(() => (lines = ''));

  it('ends the job with the result of the work, and logs its course without it', async () => {
    expect(await resultOf(run(() => ({ text: 'Secret' })))).toEqual({ text: 'Secret' });
    expect(lines).toMatch(/job claimed.*"requestId":"request-1"|"requestId":"request-1".*job claimed/);
    expect(lines).toContain('"outcome":"done"');
    expect(lines).not.toContain('Secret');
  });

  it('ends the job with the problem that the work throws, at once or later', async () => {
    const problem = new ProblemError('audio_not_supported');
    const thrown = (): never => {
      throw problem;
    };
    await expect(resultOf(run(thrown))).rejects.toBe(problem);
    await expect(resultOf(run(() => Promise.reject(problem)))).rejects.toBe(problem);
    expect(lines.match(/"outcome":"failed"/g)).toHaveLength(2);
  });

  it('tells the work when nobody wants its result any more, and gives none', async () => {
    let go: () => void = () => undefined;
    let signal: AbortSignal | undefined;
    let given = 0;
    const subscription = run(async (dropped) => {
      signal = dropped;
      await new Promise<void>((resolve) => (go = resolve));
      return {};
    }).subscribe(() => given++);
    expect(signal?.aborted).toBe(false);
    subscription.unsubscribe();
    expect(signal?.aborted).toBe(true);
    go();
    while (!lines.includes('job ended')) await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toContain('"outcome":"dropped"');
    expect(given).toBe(0);
  });
});
