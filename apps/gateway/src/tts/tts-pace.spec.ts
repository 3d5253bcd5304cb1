import { bodyOf } from '@app/protocol';
import { answer, end, planned, rateHz, speak, type Submitted } from '../../test/support/scripted-jobs';
import { ContextUnderTest } from '../../test/support/context-under-test';
import { Outbox } from './outbox';
import type { ContextLimits, TtsContext } from './tts-context';

const aheadMs = 10_000;
const heldMs = 5_000;
const sentences = (count: number): string =>
  Array.from({ length: count }, (_, at) => `This is sentence ${'abcdefghij'[at]}.`).join(' ');

describe('the pace of a TTS context', () => {
  let on: ContextUnderTest;
  let context: TtsContext;

  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    context.cancel('client');
    jest.useRealTimers();
  });

  const open = (changes: Partial<ContextLimits> = {}): void => {
    on = new ContextUnderTest();
    context = on.open({}, {}, { aheadMs, heldMs, ...changes });
    context.admit();
  };
  const durationMs = ({ bytes }: { readonly bytes: Buffer }): number => (bytes.length / 2 / rateHz) * 1000;
  const chunks = () =>
    on.events.flatMap((event, at) =>
      event.type === 'audio' ? [{ atMs: on.times[at] ?? 0, durationMs: durationMs(event) }] : [],
    );
  const sentMs = (): number => chunks().reduce((sum, chunk) => sum + chunk.durationMs, 0);
  /** Audio that the client has and cannot have played. */
  const unplayedMs = (): number => {
    let playedUpAtMs = 0;
    for (const chunk of chunks()) playedUpAtMs = Math.max(playedUpAtMs, chunk.atMs) + chunk.durationMs;
    return Math.max(0, playedUpAtMs - performance.now());
  };
  const hasEnded = (): boolean => on.events.at(-1)?.type === 'ended';

  /** A worker that makes each utterance at once; what is seen is the most of both. */
  const play = async (secondsEach: number, untilMs: number): Promise<{ unplayedMs: number; heldMs: number }> => {
    const most = { unplayedMs: 0, heldMs: 0 };
    let made = 0;
    for (let spentMs = 0; spentMs < untilMs && !hasEnded(); spentMs += 50) {
      await on.settle();
      for (; made < on.jobs.submitted.length; made++) speak(on.jobs.submitted[made] as Submitted, secondsEach);
      most.unplayedMs = Math.max(most.unplayedMs, unplayedMs());
      most.heldMs = Math.max(most.heldMs, made * secondsEach * 1_000 - sentMs());
      jest.advanceTimersByTime(50);
    }
    return most;
  };
  const largestGapMs = (): number => {
    const times = chunks().map(({ atMs }) => atMs);
    return Math.max(...times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0)));
  };

  it('leaves no silence of 2 s between chunks while there is text, however long its sentences', async () => {
    for (const seconds of [1, 9, 20]) {
      open();
      context.push(sentences(3));
      context.close();
      await play(seconds, 200_000);
      expect(sentMs()).toBe(3 * seconds * 1_000);
      expect(hasEnded()).toBe(true);
      expect(largestGapMs()).toBeLessThan(2_000);
    }
  });

  it('bounds what is sent ahead, and what is held, by the limits and one utterance', async () => {
    open();
    context.push(sentences(6));
    context.close();
    const most = await play(9, 200_000);
    expect(most.unplayedMs).toBeLessThanOrEqual(aheadMs);
    expect(most.heldMs).toBeLessThanOrEqual(heldMs + 9_000);
  });

  it('sends the first audio at once', async () => {
    open();
    context.push(sentences(1));
    context.close();
    await on.settle();
    planned(on.jobs.submitted[0]!, 9);
    answer(on.jobs.submitted[0]!, { type: 'audio', offsetSamples: 0 }, bodyOf(new Float32Array(rateHz / 10)));
    expect(sentMs()).toBe(100);
  });

  it('publishes the next utterance while a held one is still being sent', async () => {
    open();
    context.push(sentences(3));
    await play(9, 5_000);
    expect(on.jobs.submitted).toHaveLength(3);
    expect(on.jobs.submitted[2]!.request.job.bufferedMs).toBeGreaterThan(aheadMs);
    expect(unplayedMs()).toBeGreaterThan(aheadMs - 1_500);
  });

  it('holds a long pause back like audio', async () => {
    open();
    context.push('This is it. <break time="10s"/> And this. <break time="10s"/> And that.');
    context.close();
    const most = await play(4, 200_000);
    expect(most.unplayedMs).toBeLessThanOrEqual(aheadMs);
    expect(sentMs()).toBe(32_000);
    expect(largestGapMs()).toBeLessThan(2_000);
  });

  it('makes no more of many pauses than it may hold, and speaks on behind them', async () => {
    const put = jest.spyOn(Outbox.prototype, 'put');
    const madeMs = (): number =>
      put.mock.calls.reduce((sum, [event]) => sum + (event.type === 'audio' ? durationMs(event) : 0), 0);
    open();
    context.push(`This is it. ${'<break time="10s"/>'.repeat(6)} And this.`);
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 4);
    expect(madeMs()).toBeLessThanOrEqual(aheadMs + heldMs + 1_000);
    expect(on.jobs.submitted).toHaveLength(1);
    await play(4, 200_000);
    expect(sentMs()).toBe(68_000);
    expect(largestGapMs()).toBeLessThan(2_000);
    expect(hasEnded()).toBe(true);
    put.mockRestore();
  });

  it('makes no pauses for a client that does not read, and goes on when it does', async () => {
    open({ aheadMs: Infinity, heldMs: Infinity });
    jest.spyOn(on, 'receive').mockImplementation((event) => {
      on.events.push(event);
      on.backlogged = sentMs() > 10_000;
    });
    context.push(`This is it. ${'<break time="10s"/>'.repeat(6)} And this.`);
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 4);
    expect(sentMs()).toBeLessThanOrEqual(11_000);
    on.receive = (event) => void on.events.push(event);
    on.backlogged = false;
    jest.advanceTimersByTime(1_000);
    await on.settle();
    speak(on.jobs.submitted[1]!, 4);
    expect(sentMs()).toBe(68_000);
    expect(hasEnded()).toBe(true);
  });

  it('numbers what was held by the flushes before it when it leaves, and answers each flush after its audio', async () => {
    open();
    context.push(sentences(1));
    context.flush();
    await on.settle();
    speak(on.jobs.submitted[0]!, 12);
    expect(on.events.some((event) => event.type === 'flushed')).toBe(false);
    context.push('And another one.');
    context.flush();
    await play(12, 60_000);
    const marks = on.events.flatMap((event) =>
      event.type === 'audio' || event.type === 'flushed' ? [`${event.type} ${event.flushId}`] : [],
    );
    expect([...new Set(marks)]).toEqual(['audio 1', 'flushed 1', 'audio 2', 'flushed 2']);
    expect(marks.indexOf('audio 2')).toBe(marks.indexOf('flushed 1') + 1);
  });

  it('sends nothing to a client that does not read, and goes on when it has', async () => {
    open();
    context.push(sentences(1));
    context.close();
    await on.settle();
    planned(on.jobs.submitted[0]!, 9);
    on.backlogged = true;
    answer(on.jobs.submitted[0]!, { type: 'audio', offsetSamples: 0 }, bodyOf(new Float32Array(rateHz)));
    jest.advanceTimersByTime(5_000);
    expect(sentMs()).toBe(0);
    on.backlogged = false;
    context.wake();
    expect(sentMs()).toBe(1_000);
  });

  it('drops what is held when it is cancelled', async () => {
    open();
    context.push(sentences(1));
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 20);
    context.cancel('client');
    jest.advanceTimersByTime(30_000);
    expect(sentMs()).toBe(aheadMs);
    expect(on.events.at(-1)).toEqual({ type: 'ended', outcome: 'cancelled', reason: 'client' });
  });

  it('sends what is held, and all that comes, at once when the server is about to stop', async () => {
    open();
    context.push(sentences(4));
    context.close();
    await on.settle();
    speak(on.jobs.submitted[0]!, 20);
    expect(sentMs()).toBe(aheadMs);
    context.unpace();
    expect(sentMs()).toBe(20_000);
    for (let made = 1; made < 4; made++) {
      await on.settle();
      speak(on.jobs.submitted[made]!, 20);
    }
    expect(sentMs()).toBe(80_000);
    expect(hasEnded()).toBe(true);
  });

  it('leaves the pace to the client where audio is sent as it is read', async () => {
    open({ aheadMs: Infinity, heldMs: Infinity });
    context.push(sentences(4));
    context.close();
    for (let made = 0; made < 4; made++) {
      await on.settle();
      speak(on.jobs.submitted[made]!, 9);
    }
    expect(sentMs()).toBe(36_000);
    end(on.jobs.submitted[3]!, 9);
    expect(on.events.filter((event) => event.type === 'ended')).toHaveLength(1);
  });
});
