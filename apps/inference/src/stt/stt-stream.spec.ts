import { HandBack } from '@app/broker';
import { ProblemError, type SttOutput } from '@app/protocol';
import { spokenAudio } from '../../../../test/support/fake-stt-steps';
import { Conversation, turn } from '../../../../test/support/stt-conversation';

const rate = 16_000;

describe('SttStream', () => {
  it('says an utterance once, where it was said', async () => {
    const { outputs, ...heard } = await new Conversation().hear(1, [1, 0.4], [2, 0.4], 1.5);
    expect(heard.steps.dropped).toEqual([]);
    const finals = outputs.filter(({ type }) => type === 'final');
    expect(finals).toEqual([expect.objectContaining({ text: 'w1 w2', language: 'en' })]);
    const [final] = finals as Extract<SttOutput, { type: 'final' }>[];
    expect(final?.startSample).toBeLessThanOrEqual(1 * rate);
    expect(final?.startSample).toBeGreaterThan(0.6 * rate);
    expect(final?.endSample).toBeGreaterThanOrEqual(1.8 * rate);
    expect(final?.endSample).toBeLessThan(2.2 * rate);
    expect(final?.words).toEqual([
      ['w1', 1 * rate, 1.4 * rate],
      ['w2', 1.4 * rate, 1.8 * rate],
    ]);
  });

  it('recognises nothing in silence, but says now and then that it is settled', async () => {
    const heard = await new Conversation().hear(25);
    expect(heard.steps.recognised).toEqual([]);
    expect(heard.texts.join('')).toBe('');
    const settled = heard.of('final').map(({ startSample, endSample }) => [startSample, endSample]);
    expect(settled.length).toBe(2);
    expect(settled[1]?.[0]).toBe(settled[0]?.[1]);
  });

  it('gives no text for what the model calls silent and is unsure of', async () => {
    const heard = new Conversation();
    heard.steps.noSpeech = true;
    await heard.hear(0.5, [1, 1], 1.5);
    expect(heard.steps.recognised.length).toBeGreaterThan(0);
    expect(heard.texts).toEqual(['']);
    expect(heard.of('partial')).toEqual([]);
  });

  it('counts from the start of the stream when it begins in its middle', async () => {
    const offsetSamples = 100 * rate;
    const heard = await (await new Conversation({ offsetSamples }).hear(1, [1, 0.5], 1)).close();
    const [final] = heard.of('final');
    expect(final?.words).toEqual([['w1', 101 * rate, 101.5 * rate]]);
    expect(final?.startSample).toBeGreaterThan(100.6 * rate);
    expect(heard.of('end')).toEqual([{ type: 'end', totalSamples: 102.5 * rate }]);
    expect(heard.of('credit').every(({ consumedSamples }) => consumedSamples > offsetSamples)).toBe(true);
  });

  it('gives credit for what the detector has seen', async () => {
    const heard = await new Conversation().hear(3);
    const credits = heard.of('credit').map(({ consumedSamples }) => consumedSamples);
    expect(credits.length).toBeGreaterThanOrEqual(6);
    expect(credits.at(-1)).toBeGreaterThanOrEqual(2.7 * rate);
    expect(credits).toEqual([...credits].sort((a, b) => a - b));
  });

  it('skips audio that it has, and fails where some is missing', async () => {
    const heard = new Conversation();
    heard.stream.push(0, spokenAudio(0.5, [1, 0.5]));
    heard.stream.push(0, spokenAudio(0.5, [1, 0.5]));
    heard.stream.push(0.75 * rate, spokenAudio([1, 0.25], 1.5));
    await turn();
    await heard.close();
    expect(heard.texts).toEqual(['w1']);
    expect(heard.of('end')[0]?.totalSamples).toBe(2.5 * rate);

    const torn = new Conversation();
    torn.stream.push(1, new Float32Array(10));
    await turn();
    expect(torn.outcome).toMatchObject({ code: 'internal', row: { retryable: true } });
  });

  it('says finals in the order of the audio, however they are recognised', async () => {
    const heard = new Conversation({ partials: false });
    heard.steps.holds = true;
    await heard.hear(0.5, [1, 0.5], 1, [2, 0.5], 1);
    expect(heard.steps.waiting).toHaveLength(2);
    heard.steps.finish(heard.steps.waiting[1]);
    await turn();
    expect(heard.texts).toEqual([]);
    heard.steps.finish();
    await turn();
    expect(heard.texts).toEqual(['w1', 'w2']);
  });

  it('loses and repeats no word of speech without a pause: finals follow each other at 30 s', async () => {
    const words = Array.from({ length: 90 }, (_, index) => [index + 1, 0.7] as const);
    const spoken = words.flatMap((word) => [word, 0.1] as const);
    const heard = await new Conversation({ partials: false }).hear(0.5, ...spoken, 1);
    const finals = heard.of('final');
    expect(finals.length).toBeGreaterThanOrEqual(3);
    for (const { startSample, endSample } of finals) expect(endSample - startSample).toBeLessThanOrEqual(30 * rate);
    expect(heard.texts.join(' ').split(' ')).toEqual(words.map(([word]) => `w${word}`));
    for (let at = 1; at < finals.length; at += 1) expect(finals[at]?.startSample).toBe(finals[at - 1]?.endSample);
  });

  describe('finalize', () => {
    it('is answered after the finals of all before it, and the stream goes on', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.5]);
      heard.stream.finalize(7);
      await turn();
      await heard.hear([2, 0.5], 1);
      const said = heard.outputs.flatMap((output) => {
        if (output.type === 'final') return output.text;
        return output.type === 'flushed' ? output.marker : [];
      });
      expect(said).toEqual(['w1', 7, 'w2']);
      const [first, second] = heard.of('final');
      expect(first?.endSample).toBe(1 * rate);
      expect(second?.startSample).toBeGreaterThanOrEqual(first?.endSample ?? Infinity);
    });

    it('waits for finals that are being recognised', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 0.5]);
      heard.stream.finalize(1);
      await turn();
      expect(heard.of('flushed')).toEqual([]);
      heard.steps.finishLine('');
      await turn();
      expect(
        heard.outputs.filter(({ type }) => type === 'final' || type === 'flushed').map(({ type }) => type),
      ).toEqual(['final', 'flushed']);
    });

    it('is answered at once in silence, each time', async () => {
      const heard = await new Conversation().hear(0.5);
      heard.stream.finalize(1);
      heard.stream.finalize(2);
      await turn();
      expect(heard.of('flushed').map(({ marker }) => marker)).toEqual([1, 2]);
    });

    it('covers audio that came before it in the same breath', async () => {
      const heard = new Conversation();
      heard.stream.push(0, spokenAudio(0.5, [1, 3]));
      heard.stream.finalize(1);
      heard.stream.push(3.5 * rate, spokenAudio([2, 0.5]));
      await turn();
      await turn();
      expect(heard.texts[0]).toBe('w1');
      expect(heard.of('flushed')).toHaveLength(1);
    });
  });

  it('ends after the last final, and frees what it held', async () => {
    const heard = await (await new Conversation().hear(0.5, [1, 0.51])).close();
    expect(heard.outputs.at(-1)).toEqual({ type: 'end', totalSamples: Math.round(1.01 * rate) });
    expect(heard.texts).toEqual(['w1']);
    expect(heard.of('final')[0]?.endSample).toBe(Math.round(1.01 * rate));
    expect(heard.outcome).toBe('ended');
    expect(heard.steps.dropped).toEqual(['s']);
  });

  it('still ends well when whoever hears of the end drops it', async () => {
    const heard = new Conversation();
    const emitted = heard.outputs.push.bind(heard.outputs);
    heard.outputs.push = (...outputs) => {
      if (outputs.some(({ type }) => type === 'end')) heard.stream.drop();
      return emitted(...outputs);
    };
    await (await heard.hear(0.5)).close();
    expect(heard.outcome).toBe('ended');
  });

  it('takes no step and says nothing after it was dropped', async () => {
    const heard = await new Conversation().hear(0.5, [1, 1]);
    const said = heard.outputs.length;
    const steps = heard.steps.detections;
    heard.stream.drop();
    await heard.hear([2, 1], 1);
    await heard.close();
    expect(heard.outputs).toHaveLength(said);
    expect(heard.steps.detections).toBe(steps);
    expect(heard.steps.waiting).toEqual([]);
    expect(heard.steps.dropped).toEqual(['s']);
  });

  it('fails with the problem of its engine', async () => {
    const heard = new Conversation();
    const problem = new ProblemError('worker_unavailable');
    heard.steps.failure = problem;
    await heard.hear(0.5, [1, 1], 1);
    expect(heard.outcome).toBe(problem);
    expect(heard.steps.dropped).toEqual(['s']);
  });

  it('takes in no more audio than a few utterances ahead of their text', async () => {
    const heard = new Conversation({ partials: false });
    heard.steps.holds = true;
    const utterances = Array.from({ length: 6 }, (_, index) => [[index + 1, 0.5], 1] as const).flat();
    await heard.hear(0.5, ...utterances);
    expect(heard.steps.waiting).toHaveLength(3);
    const before = heard.of('credit').at(-1)?.consumedSamples ?? 0;
    expect(before).toBeLessThan(5.5 * rate);
    heard.steps.finish();
    await turn();
    expect(heard.of('credit').at(-1)?.consumedSamples).toBeGreaterThan(before);
    heard.steps.holds = false;
    while (heard.steps.waiting.length > 0) heard.steps.finish();
    for (let at = 0; at < 20; at += 1) await turn();
    expect(heard.texts).toEqual(['w1', 'w2', 'w3', 'w4', 'w5', 'w6']);
  });

  it('takes in no more audio than a session keeps while a long final waits for its text', async () => {
    const heard = new Conversation({ partials: false });
    heard.steps.holds = true;
    await heard.hear(0.5, [1, 28], 20);
    expect(heard.steps.waiting).toHaveLength(1);
    expect(heard.of('credit').at(-1)?.consumedSamples).toBeLessThan(38 * rate);
    heard.steps.finish();
    for (let at = 0; at < 20; at += 1) await turn();
    expect(heard.of('credit').at(-1)?.consumedSamples).toBeGreaterThan(48 * rate);
  });

  it('fails, and waits for nothing, when an engine dies under finals that wait', async () => {
    const heard = new Conversation({ partials: false });
    heard.steps.holds = true;
    await heard.hear(0.5, ...[1, 2, 3, 4].flatMap((word) => [[word, 0.5], 1] as const));
    const problem = new ProblemError('worker_unavailable');
    for (const entry of heard.steps.waiting.splice(0)) entry.reject(problem);
    await turn();
    expect(heard.outcome).toBe(problem);
  });

  describe('when the worker drains', () => {
    it('is handed back at once in silence', async () => {
      const heard = await new Conversation().hear(1);
      heard.stream.drain();
      await turn();
      expect(heard.outcome).toBeInstanceOf(HandBack);
    });

    it('is handed back after the next final', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.5]);
      heard.stream.drain();
      await turn();
      expect(heard.outcome).toBe('open');
      await heard.hear(1);
      expect(heard.texts).toEqual(['w1']);
      expect(heard.outcome).toBeInstanceOf(HandBack);
    });

    it('still answers what waits behind that final', async () => {
      const heard = new Conversation();
      heard.steps.holds = true;
      await heard.hear(0.5, [1, 0.5]);
      heard.stream.finalize(3);
      heard.stream.drain();
      await turn();
      heard.steps.finishLine('');
      await turn();
      expect(heard.of('flushed').map(({ marker }) => marker)).toEqual([3]);
      expect(heard.outcome).toBeInstanceOf(HandBack);
    });

    it('can be handed back in mid-utterance', async () => {
      const heard = await new Conversation().hear(0.5, [1, 0.5]);
      heard.stream.handBack();
      await turn();
      expect(heard.outcome).toBeInstanceOf(HandBack);
      expect(heard.steps.waiting).toEqual([]);
    });
  });
});
