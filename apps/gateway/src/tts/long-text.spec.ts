import { TextSplitter } from '@app/speech/text';
import { ContextUnderTest } from '../../test/support/context-under-test';
import { speak } from '../../test/support/scripted-jobs';

const characters = 190_000;
/** Most characters that may be split before others run. The worst text of this length takes a few milliseconds. */
const charactersPerTurn = 4_000;

describe('a long text', () => {
  let on: ContextUnderTest;
  let split: jest.SpyInstance<unknown, [string]>;
  const splitLength = (): number => split.mock.calls.reduce((sum, [text]) => sum + text.length, 0);
  const open = () => {
    const context = on.open({}, {}, { maxCharacters: 200_000, aheadMs: Infinity, heldMs: Infinity });
    context.admit();
    return context;
  };
  /** Runs turn after turn until the context has ended, and returns the most characters that one of them split. */
  const runToEnd = (): number => {
    let longest = 0;
    for (let before = splitLength(); on.types.at(-1) !== 'ended'; before = splitLength()) {
      jest.advanceTimersToNextTimer();
      longest = Math.max(longest, splitLength() - before);
    }
    return longest;
  };

  beforeEach(() => {
    jest.useFakeTimers();
    on = new ContextUnderTest();
    split = jest.spyOn(TextSplitter.prototype, 'push');
  });
  afterEach(() => {
    split.mockRestore();
    jest.useRealTimers();
  });

  it.each(['.', '<', ', ', '<break time="0"/>'])('of %j holds up nobody for long', (mark) => {
    const context = open();
    context.push(mark.repeat(characters / mark.length));
    context.close();
    expect(splitLength()).toBeLessThanOrEqual(charactersPerTurn);
    expect(runToEnd()).toBeLessThanOrEqual(charactersPerTurn);
    expect(splitLength()).toBe(Math.floor(characters / mark.length) * mark.length);
    expect(on.events.at(-1)).toEqual({ type: 'ended', outcome: 'done' });
  });

  it('of many messages and flushes holds up nobody for long', () => {
    const context = open();
    context.push('This is a sentence. '.repeat(10));
    for (let sent = 0; sent < 150; sent++) {
      context.push('.'.repeat(999));
      context.flush();
    }
    const before = splitLength();
    expect(before).toBeLessThanOrEqual(charactersPerTurn);
    context.cancel('client');
    jest.runOnlyPendingTimers();
    expect(splitLength()).toBe(before);
  });

  it('is split no further than it is spoken', async () => {
    const context = open();
    context.push('This is a sentence of an hour of speech. '.repeat(4_000));
    context.close();
    jest.runOnlyPendingTimers();
    expect(splitLength()).toBeLessThanOrEqual(charactersPerTurn);
    await on.settle();
    expect(on.jobs.submitted).toHaveLength(1);
    context.cancel('client');
  });

  it('is spoken to its end, with its flushes in order', async () => {
    const context = open();
    const texts = ['One here. ', 'Two here. ', 'Three here. '].map((text) => text.repeat(120));
    for (const text of texts) {
      context.push(text);
      context.flush();
    }
    context.close();
    for (let spoken = 0; on.types.at(-1) !== 'ended'; spoken++) {
      jest.advanceTimersByTime(1);
      await on.settle();
      if (on.jobs.submitted[spoken]) speak(on.jobs.submitted[spoken]!, 1);
      else spoken--;
    }
    const atOnce = new TextSplitter();
    const pieces = texts.flatMap((text) => [...atOnce.push(text), ...atOnce.flush()]);
    expect(on.jobs.texts).toEqual(pieces.map((piece) => piece.kind === 'utterance' && piece.text));
    const flushed = on.events.flatMap((event, at) => (event.type === 'flushed' ? [[event.flushId, at]] : []));
    expect(flushed.map(([id]) => id)).toEqual([1, 2, 3]);
    expect(on.types.slice(0, flushed[0]![1]).filter((type) => type === 'audio').length).toBeGreaterThanOrEqual(119);
  });
});
