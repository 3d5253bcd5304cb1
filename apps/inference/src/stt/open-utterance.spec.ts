import { ProblemError } from '@app/protocol';
import type { Recognition } from '@app/speech/engines';
import { Conversation, turn } from '../../../../test/support/stt-conversation';
import { OpenUtterance } from './open-utterance';

const rate = 16_000;

describe('an open utterance of an STT stream', () => {
  describe('partials', () => {
    it('begin soon after speech does, and come again as it goes on', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.5], [2, 0.5], [3, 0.5], [4, 0.5]);
      const texts = heard.of('partial').map(({ text }) => text);
      expect(texts[0]).toBe('w1');
      expect(texts.at(-1)).toContain('w3');
      const [first] = heard.of('partial');
      expect(first?.endSample).toBeLessThanOrEqual(1.2 * rate);
    });

    it('come less often the longer the utterance, so that they cost a bounded multiple of it', async () => {
      const heard = await new Conversation().hear(0.5, [1, 25]);
      const recognised = heard.steps.recognised.reduce((sum, { samples }) => sum + samples, 0);
      const everyHalfSecond = (25 * 25) / 2 / 0.5;
      expect(recognised / rate).toBeLessThan(0.55 * everyHalfSecond);
    });

    it('wait at most one at a time, and are made of what is there when they run', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 1], [2, 2]);
      expect(heard.steps.lines).toHaveLength(1);
      heard.steps.finish();
      await turn();
      const [partial] = heard.of('partial');
      expect(partial?.text).toBe('w1 w2');
      expect(partial?.endSample).toBeGreaterThan(3.3 * rate);
    });

    it('give way to everything else', async () => {
      const heard = await new Conversation().hear(0.5, [1, 1.2]);
      expect(heard.steps.recognised.map(({ dueMs }) => dueMs)).toEqual(heard.steps.recognised.map(() => Infinity));
    });

    it('are not said any more once their utterance has ended', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 1]);
      const running = heard.steps.waiting.shift();
      await heard.hear(1);
      running?.resolve({
        result: { op: 'transcribe', recognition: { text: 'late' } as never },
        opened: undefined,
        startedAtMs: 0,
        tookMs: 1,
        batchSize: 1,
      });
      heard.steps.finishLine('');
      await turn();
      expect(heard.of('partial').map(({ text }) => text)).not.toContain('late');
      expect(heard.texts).toEqual(['w1']);
    });

    it('may fail without harm', async () => {
      const heard = new Conversation();
      heard.steps.failure = new ProblemError('worker_unavailable');
      await heard.hear(0.5, [1, 1]);
      heard.steps.failure = undefined;
      await heard.hear([2, 0.5], 1);
      expect(heard.outcome).toBe('open');
      expect(heard.texts).toEqual(['w1 w2']);
    });

    it('do not come for an upload', async () => {
      const heard = await new Conversation({ partials: undefined as never }).hear(0.5, [1, 3], 1);
      expect(heard.of('partial')).toEqual([]);
      expect(heard.steps.recognised).toHaveLength(1);
      expect(heard.texts).toEqual(['w1']);
    });
  });

  describe('a pause', () => {
    it('is used to recognise in advance, so that the final is there when the utterance ends', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.4], 0.4);
      expect(heard.steps.recognised.at(-1)).toMatchObject({ line: 's/eager-2560', words: true, dueMs: 0 });
      heard.steps.holds = true;
      await heard.hear(0.4);
      expect(heard.texts).toEqual(['w1']);
    });

    it('is recognised again at the end when recognising it in advance failed', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 0.5], 0.3);
      for (const entry of heard.steps.waiting.splice(0)) entry.reject(new ProblemError('worker_unavailable'));
      heard.steps.holds = false;
      await heard.hear(1);
      expect(heard.outcome).toBe('open');
      expect(heard.texts).toEqual(['w1']);
    });

    it('is forgotten when speech goes on', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.4], 0.4, [2, 0.4], 1);
      expect(heard.texts).toEqual(['w1 w2']);
      expect(heard.of('final')[0]?.words).toHaveLength(2);
    });

    it('does not take along a recognition that still waits when speech goes on', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 0.4], 0.35);
      expect(heard.steps.lines.filter((line) => line.includes('eager'))).toHaveLength(1);
      await heard.hear([2, 0.2]);
      expect(heard.steps.lines.filter((line) => line.includes('eager'))).toHaveLength(0);
    });

    it.each([
      ['in an earlier pause, ends there: the speech behind it belongs to the next utterance', 16, 16],
      ['in the pause at its end, is recognised as far as it was in advance', 29.9, 30],
    ])('and an utterance that is cut %s', async (_where, cutSeconds, recognisedSeconds) => {
      const recognised: number[] = [];
      const dropped: string[] = [];
      const utterance = new OpenUtterance(
        0,
        {
          cut: (from, to) => ({ samples: new Float32Array(to - from), speech: [] }),
          recognise: ({ line, audio }) => {
            if (!line.startsWith('partial')) recognised.push(audio().samples.length / rate);
            return Promise.resolve({ text: 'all' } as Recognition);
          },
          drop: (line) => void dropped.push(line),
          partial: () => undefined,
        },
        { firstPartialMs: 60_000, partialIntervalMs: 60_000, partialGrowth: 1, eagerSilenceMs: 200 },
        true,
      );
      for (const [atSeconds, quietSeconds] of [
        [16, 0.3],
        [29.8, 0],
        [30, 0.2],
      ] as const) {
        utterance.judge(atSeconds * rate, quietSeconds * rate);
        utterance.follow();
      }
      recognised.splice(0, recognised.length - 1);
      expect(recognised).toEqual([30]);
      await utterance.end(cutSeconds * rate);
      expect(recognised.at(-1)).toBe(recognisedSeconds);
      expect(dropped.includes('eager-0') || recognised.length === 1).toBe(true);
    });
  });
});
