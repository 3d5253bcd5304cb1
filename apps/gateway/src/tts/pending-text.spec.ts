import { TextSplitter } from '@app/speech/text';
import { PendingText, type TextItem } from './pending-text';

/** Reproducible. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const atoms = [
  'Hello there. ',
  'and ',
  'Dr. ',
  '3.14 ',
  '... ',
  '<',
  '<break time="1s"/>',
  '😀',
  '。',
  '\n\n',
  '.'.repeat(90),
];

describe('pending text', () => {
  it('gives the utterances, breaks and flushes of splitting at once, whatever is taken when', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 25; round++) {
      const atOnce = new TextSplitter();
      const expected: TextItem[] = [];
      const pending = new PendingText();
      const taken: TextItem[] = [];
      for (let step = 0; step < 30; step++) {
        const kind = random();
        if (kind < 0.75) {
          const length = Math.floor(random() ** 4 * 400);
          const text = Array.from({ length }, () => atoms[Math.floor(random() * atoms.length)] ?? '').join('');
          expected.push(...atOnce.push(text));
          pending.push(text);
        } else if (kind < 0.85) {
          expected.push(...atOnce.flush());
          pending.splitRest();
        } else {
          expected.push(...atOnce.flush(), { kind: 'flush', flushId: step });
          pending.flush(step);
        }
        for (let times = random() * 4; times > 1 && !pending.isEmpty; times--) taken.push(...pending.take().items);
      }
      while (!pending.isEmpty) taken.push(...pending.take().items);
      expect(taken).toEqual(expected);
    }
  });

  it('splits a slice at a time', () => {
    const pending = new PendingText();
    pending.push('One sentence. '.repeat(1_000));
    expect(pending.take().items.length).toBeLessThan(250);
    pending.clear();
    expect(pending.isEmpty).toBe(true);
  });
});
