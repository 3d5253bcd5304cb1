import { ContextUnderTest, fourSentences } from '../../test/support/context-under-test';
import {
  answer,
  audio,
  claim,
  contextSettings,
  end,
  plan,
  planned,
  rateHz,
  speak,
} from '../../test/support/scripted-jobs';

describe('a TTS context', () => {
  let on: ContextUnderTest;

  beforeEach(() => {
    jest.useFakeTimers();
    on = new ContextUnderTest();
  });
  afterEach(() => jest.useRealTimers());

  it('publishes nothing before it is admitted', async () => {
    const context = on.open();
    context.push(fourSentences);
    await on.settle();
    expect(on.jobs.submitted).toEqual([]);
    context.admit();
    await on.settle();
    expect(on.jobs.submitted).toHaveLength(1);
  });

  it('sends nothing before it is admitted, though its work may have begun', async () => {
    const context = on.open();
    context.begin();
    context.push('This is a sentence.');
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 1);
    expect(on.events).toEqual([]);
    context.admit();
    expect(on.types).toEqual(['audio', 'ended']);
  });

  it('tells what of the first audio was not the workers, where no text had to be waited for', async () => {
    for (const waitsForMs of [0, 50]) {
      const context = on.open();
      context.admit();
      context.push('This is a');
      jest.advanceTimersByTime(waitsForMs);
      context.push(' sentence. ');
      context.close();
      await on.settle();
      jest.advanceTimersByTime(20);
      speak(on.jobs.submitted.at(-1)!, 1);
    }
    const workerMs = 1 + 2 + 3 + 2;
    expect(on.metrics.timeToFirstAudio).toHaveBeenCalledTimes(2);
    expect(on.metrics.overhead.mock.calls).toEqual([[contextSettings.voice.model, 20 - workerMs]]);
  });

  it('has two utterances with the workers: the next is published once the one before is planned, and one is whole', async () => {
    const context = on.open();
    context.admit();
    context.push(fourSentences);
    context.close();
    await on.settle();
    const textsAfter = async (act: () => void): Promise<number> => (act(), await on.settle(), on.jobs.texts.length);
    expect(on.jobs.texts).toHaveLength(1);
    expect(await textsAfter(() => planned(on.jobs.submitted[0]!, 1))).toBe(2);
    expect(on.jobs.submitted[1]!.request.job.bufferedMs).toBe(1_000);
    expect(await textsAfter(() => planned(on.jobs.submitted[1]!, 1))).toBe(2);
    audio(on.jobs.submitted[0]!, 0, 1);
    expect(await textsAfter(() => end(on.jobs.submitted[0]!, 1))).toBe(3);
    expect(on.jobs.submitted.map(({ request }) => request.jobClass)).toEqual(['first', 'rest', 'rest']);
  });

  it('sends the second utterance after the first, however they arrive', async () => {
    const context = on.open();
    context.admit();
    context.push('This is sentence one. This is sentence two.');
    context.close();
    await on.settle();
    planned(on.jobs.submitted[0]!, 1);
    await on.settle();
    speak(on.jobs.submitted[1]!, 1, 0.25);
    expect(on.events).toEqual([]);
    audio(on.jobs.submitted[0]!, 0, 1, 0.5);
    end(on.jobs.submitted[0]!, 1);
    const heights = on.events.flatMap((event) => (event.type === 'audio' ? [event.bytes.readInt16LE(0)] : []));
    expect(heights).toEqual([0.5 * 32_768, 0.25 * 32_768]);
    expect(on.events.at(-1)).toEqual({ type: 'ended', outcome: 'done' });
  });

  it('waits with the next utterance until the listener has little left to play', async () => {
    const context = on.open();
    context.admit();
    context.push(fourSentences);
    await on.settle();
    speak(on.jobs.submitted[0]!, 8);
    await on.settle();
    expect(on.jobs.texts).toHaveLength(2);
    speak(on.jobs.submitted[1]!, 8);
    await on.settle();
    jest.advanceTimersByTime(5_900);
    await on.settle();
    expect(on.jobs.texts).toHaveLength(2);
    jest.advanceTimersByTime(200);
    await on.settle();
    expect(on.jobs.texts).toHaveLength(3);
    expect(on.jobs.submitted[2]!.request.job.bufferedMs).toBeGreaterThan(9_000);
    context.cancel('client');
  });

  it('counts planned audio that is yet to come as buffered', async () => {
    const context = on.open();
    context.admit();
    context.push('This is sentence one. ');
    await on.settle();
    planned(on.jobs.submitted[0]!, 7);
    context.push('This is sentence two. ');
    context.flush();
    await on.settle();
    expect(on.jobs.submitted[1]!.request.job.bufferedMs).toBe(7_000);
  });

  it('waits while the client does not take what was sent, and goes on when it has', async () => {
    const context = on.open();
    context.admit();
    on.backlogged = true;
    context.push(fourSentences);
    await on.settle();
    expect(on.jobs.texts).toEqual([]);
    on.backlogged = false;
    context.wake();
    await on.settle();
    expect(on.jobs.texts).toHaveLength(1);
  });

  it('asks a worker that takes over to go on where the audio ended, with the same durations', async () => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await on.settle();
    const [job] = on.jobs.submitted;
    expect(claim(job!)).toEqual({ offsetSamples: 0 });
    job!.listener.onOutput(plan(3), new Uint8Array());
    audio(job!, 0, 1);
    expect(claim(job!, 2)).toEqual({ offsetSamples: rateHz, durations: [3, 4] });
    job!.listener.onOutput(plan(3), new Uint8Array());
    audio(job!, 0, 2);
    audio(job!, 2, 1);
    end(job!, 3);
    expect(on.sentBytes).toBe(3 * rateHz * 2);
    expect(on.events.at(-1)).toEqual({ type: 'ended', outcome: 'done' });
  });

  it('speaks unfinished text when none has followed for the buffer delay', async () => {
    const context = on.open();
    context.admit();
    context.push('No end');
    jest.advanceTimersByTime(2_900);
    context.push(' yet');
    jest.advanceTimersByTime(2_900);
    await on.settle();
    expect(on.jobs.texts).toEqual([]);
    jest.advanceTimersByTime(100);
    await on.settle();
    expect(on.jobs.texts).toEqual(['No end yet']);
  });

  it('answers flushes in order, after the audio before them', async () => {
    const context = on.open();
    context.admit();
    context.push('This is a sentence. ');
    context.flush();
    context.flush();
    await on.settle();
    expect(on.types).toEqual([]);
    speak(on.jobs.submitted[0]!, 1);
    expect(on.events.map((event) => ('flushId' in event ? [event.type, event.flushId] : event.type))).toEqual([
      ['audio', 1],
      ['flushed', 1],
      ['flushed', 2],
    ]);
  });

  it('places words after the pauses and utterances before them', async () => {
    const context = on.open({ wordTimestamps: true });
    context.admit();
    context.push('Two sentences. <break time="500ms"/> Here is the second.');
    context.close();
    await on.settle();
    for (let at = 0; at < 2; at++) {
      const job = on.jobs.submitted[at]!;
      claim(job);
      answer(job, { ...plan(1), words: [['word', 1_600, 3_200]] });
      audio(job, 0, 1);
      end(job, 1);
      await on.settle();
    }
    const starts = on.events.flatMap((event) => (event.type === 'words' ? event.timestamps.startSeconds : []));
    expect(starts).toEqual([0.1, 1.6]);
    expect(on.sentBytes).toBe(2.5 * rateHz * 2);
  });

  it('cuts long audio into pieces that clients can take', async () => {
    const context = on.open({ format: { encoding: 'pcm_f32le', sampleRateHz: 48_000 } });
    context.admit();
    context.push('This is a sentence.');
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 5);
    const lengths = on.events.flatMap((event) => (event.type === 'audio' ? [event.bytes.length] : []));
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(5 * 48_000 * 4);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(200_000);
  });
});
