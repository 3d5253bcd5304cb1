import { ProblemError } from '@app/protocol';
import {
  answer,
  audio,
  claim,
  contextSettings as settings,
  end,
  plan,
  planned,
  rateHz,
  ScriptedJobs,
  speak,
  type Submitted,
} from '../../test/support/scripted-jobs';
import type { ContextEvent } from './context-events';
import { TtsContext, type ContextPorts } from './tts-context';
import type { TtsSettings } from './tts-request';

describe('a TTS context', () => {
  let jobs: ScriptedJobs;
  let events: ContextEvent[];
  let active: number;
  let backlogged: boolean;

  beforeEach(() => {
    jest.useFakeTimers();
    jobs = new ScriptedJobs();
    events = [];
    active = 0;
    backlogged = false;
  });
  afterEach(() => jest.useRealTimers());

  const metrics = {
    opened: jest.fn(),
    ended: jest.fn(),
    timeToFirstAudio: jest.fn(),
    overhead: jest.fn(),
    waitedInQueue: jest.fn(),
    stage: jest.fn(),
    audioPassed: jest.fn(),
  };
  beforeEach(() => jest.clearAllMocks());

  const open = (changes: Partial<TtsSettings> = {}, ports: Partial<ContextPorts> = {}): TtsContext =>
    TtsContext.open(
      { ...settings, ...changes },
      {
        jobs,
        requestId: 'r',
        trace: {},
        receivedAtMs: performance.now(),
        metrics,
        limits: { aheadMs: 10_000, expiryMs: 60_000, maxCharacters: 10_000 },
        enter: () => {
          active++;
          return () => void active--;
        },
        emit: (event) => void events.push(event),
        backlogged: () => backlogged,
        ...ports,
      },
    );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const types = (): string[] => events.map(({ type }) => type);
  const sentBytes = (): number =>
    events.reduce((sum, event) => sum + (event.type === 'audio' ? event.bytes.length : 0), 0);
  const four = 'This is sentence one. This is sentence two. This is sentence three. This is sentence four.';

  it('publishes nothing before it is admitted', async () => {
    const context = open();
    context.push(four);
    await settle();
    expect(jobs.submitted).toEqual([]);
    context.admit();
    await settle();
    expect(jobs.submitted).toHaveLength(1);
  });

  it('sends nothing before it is admitted, though its work may have begun', async () => {
    const context = open();
    context.begin();
    context.push('This is a sentence.');
    context.close();
    await settle();
    speak(jobs.submitted[0]!, 1);
    expect(events).toEqual([]);
    context.admit();
    expect(types()).toEqual(['audio', 'ended']);
  });

  it('tells what of the first audio was not the workers, where no text had to be waited for', async () => {
    for (const waitsForMs of [0, 50]) {
      const context = open();
      context.admit();
      context.push('This is a');
      jest.advanceTimersByTime(waitsForMs);
      context.push(' sentence. ');
      context.close();
      await settle();
      jest.advanceTimersByTime(20);
      speak(jobs.submitted.at(-1)!, 1);
    }
    const workerMs = 1 + 2 + 3 + 2;
    expect(metrics.timeToFirstAudio).toHaveBeenCalledTimes(2);
    expect(metrics.overhead.mock.calls).toEqual([[settings.voice.model, 20 - workerMs]]);
  });

  it('is done at once when it was given nothing to say, but not before it is admitted', () => {
    const context = open();
    context.begin();
    context.push(' … ');
    context.close();
    expect(events).toEqual([]);
    context.admit();
    expect(events).toEqual([{ type: 'ended', outcome: 'done' }]);
  });

  it('has two utterances with the workers: the next is published once the one before is planned, and one is whole', async () => {
    const context = open();
    context.admit();
    context.push(four);
    context.close();
    await settle();
    const textsAfter = async (act: () => void): Promise<number> => (act(), await settle(), jobs.texts.length);
    expect(jobs.texts).toHaveLength(1);
    expect(await textsAfter(() => planned(jobs.submitted[0]!, 1))).toBe(2);
    expect(jobs.submitted[1]!.request.job.bufferedMs).toBe(1_000);
    expect(await textsAfter(() => planned(jobs.submitted[1]!, 1))).toBe(2);
    audio(jobs.submitted[0]!, 0, 1);
    expect(await textsAfter(() => end(jobs.submitted[0]!, 1))).toBe(3);
    expect(jobs.submitted.map(({ request }) => request.jobClass)).toEqual(['first', 'rest', 'rest']);
  });

  it('sends the second utterance after the first, however they arrive', async () => {
    const context = open();
    context.admit();
    context.push('This is sentence one. This is sentence two.');
    context.close();
    await settle();
    planned(jobs.submitted[0]!, 1);
    await settle();
    speak(jobs.submitted[1]!, 1, 0.25);
    expect(events).toEqual([]);
    audio(jobs.submitted[0]!, 0, 1, 0.5);
    end(jobs.submitted[0]!, 1);
    const heights = events.flatMap((event) => (event.type === 'audio' ? [event.bytes.readInt16LE(0)] : []));
    expect(heights).toEqual([0.5 * 32_768, 0.25 * 32_768]);
    expect(events.at(-1)).toEqual({ type: 'ended', outcome: 'done' });
  });

  it('waits with the next utterance until the listener has little left to play', async () => {
    const context = open();
    context.admit();
    context.push(four);
    await settle();
    speak(jobs.submitted[0]!, 8);
    await settle();
    expect(jobs.texts).toHaveLength(2);
    speak(jobs.submitted[1]!, 8);
    await settle();
    jest.advanceTimersByTime(5_900);
    await settle();
    expect(jobs.texts).toHaveLength(2);
    jest.advanceTimersByTime(200);
    await settle();
    expect(jobs.texts).toHaveLength(3);
    expect(jobs.submitted[2]!.request.job.bufferedMs).toBeGreaterThan(9_000);
    context.cancel('client');
  });

  it('counts planned audio that is yet to come as buffered', async () => {
    const context = open();
    context.admit();
    context.push('This is sentence one. ');
    await settle();
    planned(jobs.submitted[0]!, 7);
    context.push('This is sentence two. ');
    context.flush();
    await settle();
    expect(jobs.submitted[1]!.request.job.bufferedMs).toBe(7_000);
  });

  it('waits while the client does not take what was sent, and goes on when it has', async () => {
    const context = open();
    context.admit();
    backlogged = true;
    context.push(four);
    await settle();
    expect(jobs.texts).toEqual([]);
    backlogged = false;
    context.wake();
    await settle();
    expect(jobs.texts).toHaveLength(1);
  });

  it('asks a worker that takes over to go on where the audio ended, with the same durations', async () => {
    const context = open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await settle();
    const [job] = jobs.submitted;
    expect(claim(job!)).toEqual({ offsetSamples: 0 });
    job!.listener.onOutput(plan(3), new Uint8Array());
    audio(job!, 0, 1);
    expect(claim(job!, 2)).toEqual({ offsetSamples: rateHz, durations: [3, 4] });
    job!.listener.onOutput(plan(3), new Uint8Array());
    audio(job!, 0, 2);
    audio(job!, 2, 1);
    end(job!, 3);
    expect(sentBytes()).toBe(3 * rateHz * 2);
    expect(events.at(-1)).toEqual({ type: 'ended', outcome: 'done' });
  });

  it.each([
    ['a gap in the audio', (job: Submitted) => audio(job, 1, 1)],
    ['an end before the audio', (job: Submitted) => end(job, 3)],
    ['an end before its time', (job: Submitted) => end(job, 0)],
    ['a plan that is not the one begun with', (job: Submitted) => job.listener.onOutput(plan(4), new Uint8Array())],
  ])('ends with an error rather than with %s', async (_, misbehave) => {
    const context = open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await settle();
    const [job] = jobs.submitted;
    claim(job!);
    job!.listener.onOutput(plan(3), new Uint8Array());
    misbehave(job!);
    expect(events.at(-1)).toMatchObject({ type: 'ended', outcome: 'error', problem: { code: 'internal' } });
    expect(job!.cancelled).toHaveLength(1);
  });

  it('ends with the problem when a job cannot be published', async () => {
    jobs.refuse = new ProblemError('bus_unavailable');
    const context = open();
    context.admit();
    context.push('This is a sentence.');
    context.flush();
    await settle();
    expect(events).toMatchObject([{ type: 'ended', outcome: 'error', problem: { code: 'bus_unavailable' } }]);
    expect(metrics.ended.mock.calls).toEqual([['tts', 'error']]);
  });

  it('cancels all its jobs and says nothing more', async () => {
    const context = open();
    context.admit();
    context.push(four);
    await settle();
    planned(jobs.submitted[0]!, 2);
    audio(jobs.submitted[0]!, 0, 1);
    context.cancel('client');
    await settle();
    audio(jobs.submitted[0]!, 1, 1);
    expect(jobs.submitted.map(({ cancelled }) => cancelled)).toEqual([['cancelled'], ['cancelled']]);
    expect(types()).toEqual(['audio', 'ended']);
    expect(active).toBe(0);
  });

  it('cancels a job whose publishing ends after the context', async () => {
    const context = open();
    context.admit();
    context.push('This is a sentence.');
    context.flush();
    context.cancel('disconnected');
    await settle();
    expect(jobs.submitted.map(({ cancelled }) => cancelled.length)).toEqual([1]);
  });

  it('counts as active only while it has something to say', async () => {
    const context = open();
    context.admit();
    expect(active).toBe(0);
    context.push('This is a sentence. ');
    context.flush();
    await settle();
    expect(active).toBe(1);
    speak(jobs.submitted[0]!, 1);
    expect(active).toBe(0);
    context.push('And another one. ');
    context.flush();
    expect(active).toBe(1);
    context.cancel('client');
    expect(active).toBe(0);
  });

  it('ends with the problem when there is no room for it any more', async () => {
    const context = open(
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
    await settle();
    expect(events).toMatchObject([{ type: 'ended', outcome: 'error', problem: { code: 'concurrency_limited' } }]);
    expect(jobs.submitted).toEqual([]);
  });

  it('expires when it is left alone, but not while it speaks', async () => {
    const context = open();
    context.admit();
    context.push('This is a sentence. ');
    context.flush();
    await settle();
    jest.advanceTimersByTime(70_000);
    expect(types()).toEqual([]);
    speak(jobs.submitted[0]!, 1);
    jest.advanceTimersByTime(59_000);
    context.push(' ');
    jest.advanceTimersByTime(59_000);
    expect(types()).not.toContain('ended');
    jest.advanceTimersByTime(4_001);
    expect(events.at(-1)).toEqual({ type: 'ended', outcome: 'cancelled', reason: 'expired' });
  });

  it('speaks unfinished text when none has followed for the buffer delay', async () => {
    const context = open();
    context.admit();
    context.push('No end');
    jest.advanceTimersByTime(2_900);
    context.push(' yet');
    jest.advanceTimersByTime(2_900);
    await settle();
    expect(jobs.texts).toEqual([]);
    jest.advanceTimersByTime(100);
    await settle();
    expect(jobs.texts).toEqual(['No end yet']);
  });

  it('answers flushes in order, after the audio before them', async () => {
    const context = open();
    context.admit();
    context.push('This is a sentence. ');
    context.flush();
    context.flush();
    await settle();
    expect(types()).toEqual([]);
    speak(jobs.submitted[0]!, 1);
    expect(events.map((event) => ('flushId' in event ? [event.type, event.flushId] : event.type))).toEqual([
      ['audio', 1],
      ['flushed', 1],
      ['flushed', 2],
    ]);
  });

  it('places words after the pauses and utterances before them', async () => {
    const context = open({ wordTimestamps: true });
    context.admit();
    context.push('Two sentences. <break time="500ms"/> Here is the second.');
    context.close();
    await settle();
    for (let at = 0; at < 2; at++) {
      const job = jobs.submitted[at]!;
      claim(job);
      answer(job, { ...plan(1), words: [['word', 1_600, 3_200]] });
      audio(job, 0, 1);
      end(job, 1);
      await settle();
    }
    const starts = events.flatMap((event) => (event.type === 'words' ? event.timestamps.startSeconds : []));
    expect(starts).toEqual([0.1, 1.6]);
    expect(sentBytes()).toBe(2.5 * rateHz * 2);
  });

  it('cuts long audio into pieces that clients can take', async () => {
    const context = open({ format: { encoding: 'pcm_f32le', sampleRateHz: 48_000 } });
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await settle();
    speak(jobs.submitted[0]!, 5);
    const lengths = events.flatMap((event) => (event.type === 'audio' ? [event.bytes.length] : []));
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(5 * 48_000 * 4);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(200_000);
  });

  it('accounts exactly one end', async () => {
    const context = open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await settle();
    speak(jobs.submitted[0]!, 1);
    context.cancel('client');
    context.fail(new ProblemError('internal'));
    context.close();
    expect(metrics.ended.mock.calls).toEqual([['tts', 'done']]);
    expect(metrics.audioPassed.mock.calls).toEqual([['tts', 'm', 1_000]]);
    expect(types().filter((type) => type === 'ended')).toHaveLength(1);
  });
});
