import { JobStopped } from '@app/broker';
import { ProblemError, type Job } from '@app/protocol';
import { Log } from '@app/platform';
import { jobContext } from '../../../../test/support/job-context';
import { runJob } from './job-run';

describe('runJob', () => {
  let lines: string;
  const log = Log.create('test', 'info', { write: (line: string) => void (lines += line) });
  const job = { requestId: 'request-1', model: 'builtin' } as Job;
  const run = (work: () => object | Promise<object>, context = jobContext(Buffer.alloc(0))) =>
    runJob(log, job, context, work);

  beforeEach(() => (lines = ''));

  it('ends the job with the result of the work, and logs its course without it', async () => {
    const context = jobContext(Buffer.alloc(0));
    await run(() => ({ text: 'Secret' }), context);
    expect(context.outputs).toEqual([{ type: 'end', result: { text: 'Secret' } }]);
    expect(lines).toMatch(/job claimed.*"requestId":"request-1"|"requestId":"request-1".*job claimed/);
    expect(lines).toContain('"outcome":"done"');
    expect(lines).not.toContain('Secret');
  });

  it('adds no end to work that returns nothing', async () => {
    const context = jobContext(Buffer.alloc(0));
    await runJob(log, job, context, () => context.emit({ type: 'end' }));
    expect(context.outputs).toEqual([{ type: 'end' }]);
  });

  it('ends the job with the problem that the work throws, at once or later', async () => {
    const problem = new ProblemError('audio_not_supported');
    const thrown = (): never => {
      throw problem;
    };
    await expect(run(thrown)).rejects.toBe(problem);
    await expect(run(() => Promise.reject(problem))).rejects.toBe(problem);
    expect(lines.match(/"outcome":"failed"/g)).toHaveLength(2);
  });

  it('gives no result once nobody wants it any more', async () => {
    let go: () => void = () => undefined;
    const stop = new AbortController();
    const context = jobContext(Buffer.alloc(0), stop.signal);
    const running = run(async () => {
      await new Promise<void>((resolve) => (go = resolve));
      return {};
    }, context);
    stop.abort(new JobStopped('cancelled'));
    go();
    await expect(running).rejects.toBeInstanceOf(JobStopped);
    expect(lines).toContain('"outcome":"dropped"');
    expect(context.outputs).toEqual([]);
  });
});
