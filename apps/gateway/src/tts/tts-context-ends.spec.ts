import { ProblemError } from '@app/protocol';
import { ContextUnderTest, fourSentences } from '../../test/support/context-under-test';
import { audio, claim, end, plan, planned, speak, type Submitted } from '../../test/support/scripted-jobs';

describe('the end of a TTS context', () => {
  let on: ContextUnderTest;

  beforeEach(() => {
    jest.useFakeTimers();
    on = new ContextUnderTest();
  });
  afterEach(() => jest.useRealTimers());

  it('is done at once when it was given nothing to say, but not before it is admitted', () => {
    const context = on.open();
    context.begin();
    context.push(' … ');
    context.close();
    expect(on.events).toEqual([]);
    context.admit();
    expect(on.events).toEqual([{ type: 'ended', outcome: 'done' }]);
  });

  it.each([
    ['a gap in the audio', (job: Submitted) => audio(job, 1, 1)],
    ['an end before the audio', (job: Submitted) => end(job, 3)],
    ['an end before its time', (job: Submitted) => end(job, 0)],
    ['a plan that is not the one begun with', (job: Submitted) => job.listener.onOutput(plan(4), new Uint8Array())],
  ])('ends with an error rather than with %s', async (_, misbehave) => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await on.settle();
    const [job] = on.jobs.submitted;
    claim(job!);
    job!.listener.onOutput(plan(3), new Uint8Array());
    misbehave(job!);
    expect(on.events.at(-1)).toMatchObject({ type: 'ended', outcome: 'error', problem: { code: 'internal' } });
    expect(job!.cancelled).toHaveLength(1);
  });

  it('ends with the problem when a job cannot be published', async () => {
    on.jobs.refuse = new ProblemError('bus_unavailable');
    const context = on.open();
    context.admit();
    context.push('This is a sentence.');
    context.flush();
    await on.settle();
    expect(on.events).toMatchObject([{ type: 'ended', outcome: 'error', problem: { code: 'bus_unavailable' } }]);
    expect(on.metrics.ended.mock.calls).toEqual([['tts', 'error']]);
  });

  it('cancels all its jobs and says nothing more', async () => {
    const context = on.open();
    context.admit();
    context.push(fourSentences);
    await on.settle();
    planned(on.jobs.submitted[0]!, 2);
    audio(on.jobs.submitted[0]!, 0, 1);
    context.cancel('client');
    await on.settle();
    audio(on.jobs.submitted[0]!, 1, 1);
    expect(on.jobs.submitted.map(({ cancelled }) => cancelled)).toEqual([['cancelled'], ['cancelled']]);
    expect(on.types).toEqual(['audio', 'ended']);
    expect(on.active).toBe(0);
  });

  it('cancels a job whose publishing ends after the context', async () => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence.');
    context.flush();
    context.cancel('disconnected');
    await on.settle();
    expect(on.jobs.submitted.map(({ cancelled }) => cancelled.length)).toEqual([1]);
  });

  it('counts as active only while it has something to say', async () => {
    const context = on.open();
    context.admit();
    expect(on.active).toBe(0);
    context.push('This is a sentence. ');
    context.flush();
    await on.settle();
    expect(on.active).toBe(1);
    speak(on.jobs.submitted[0]!, 1);
    expect(on.active).toBe(0);
    context.push('And another one. ');
    context.flush();
    expect(on.active).toBe(1);
    context.cancel('client');
    expect(on.active).toBe(0);
  });

  it('ends with the problem when there is no room for it any more', async () => {
    const context = on.open(
      {},
      {
        enter: () => {
          throw new ProblemError('concurrency_limited');
        },
      },
    );
    context.admit();
    context.push('This is a sentence. ');
    context.flush();
    await on.settle();
    expect(on.events).toMatchObject([{ type: 'ended', outcome: 'error', problem: { code: 'concurrency_limited' } }]);
    expect(on.jobs.submitted).toEqual([]);
  });

  it('expires when it is left alone, but not while it speaks', async () => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence. ');
    context.flush();
    await on.settle();
    jest.advanceTimersByTime(70_000);
    expect(on.types).toEqual([]);
    speak(on.jobs.submitted[0]!, 1);
    jest.advanceTimersByTime(59_000);
    context.push(' ');
    jest.advanceTimersByTime(59_000);
    expect(on.types).not.toContain('ended');
    jest.advanceTimersByTime(4_001);
    expect(on.events.at(-1)).toEqual({ type: 'ended', outcome: 'cancelled', reason: 'expired' });
  });

  it('accounts exactly one end', async () => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 1);
    context.cancel('client');
    context.fail(new ProblemError('internal'));
    context.close();
    expect(on.metrics.ended.mock.calls).toEqual([['tts', 'done']]);
    expect(on.metrics.audioPassed.mock.calls).toEqual([['tts', 'm', 1_000]]);
    expect(on.types.filter((type) => type === 'ended')).toHaveLength(1);
  });
});
