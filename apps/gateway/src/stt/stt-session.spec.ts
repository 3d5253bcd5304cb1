import type { JobHandle, JobListener, JobRequest } from '@app/broker';
import { creditMs, ProblemError, type SttInput, type SttOutput, type SttResume } from '@app/protocol';
import { sttSampleRateHz as rateHz } from '@app/speech/audio';
import { mockMetrics, testScope, type TestScope } from '../../test/support/test-scope';
import type { SttEvent, SttSettings } from './stream-events';
import { SttSession } from './stt-session';

const model = { id: 'w', kind: 'stt' as const, model: 'whisper', name: 'W', description: '', languages: ['en'] };
const settings: SttSettings = { model, language: 'en', words: true, pace: 'live' };

describe('an STT stream', () => {
  let events: SttEvent[];
  let sent: { input: SttInput; bytes: number }[];
  let listener: JobListener;
  let requests: JobRequest[];
  let cancelled: string[];
  let drained: number;
  const metrics = mockMetrics();

  beforeEach(() => {
    jest.clearAllMocks();
    events = [];
    sent = [];
    requests = [];
    cancelled = [];
    drained = 0;
  });

  const jobs = {
    submit: async (request: JobRequest, given: JobListener): Promise<JobHandle> => {
      await Promise.resolve();
      requests.push(request);
      listener = given;
      return {
        send: (input, body) => void sent.push({ input: input as unknown as SttInput, bytes: body?.length ?? 0 }),
        cancel: (reason) => void cancelled.push(reason),
      };
    },
  };
  const client = { receive: (event: SttEvent) => void events.push(event), drained: () => void drained++ };
  const open = (changes: Partial<SttSettings> = {}, scope: TestScope = {}): SttSession => {
    const work = { kind: 'stt', name: 'stt stream' } as const;
    const audio = { received: { samples: 0, sampleRateHz: rateHz } };
    return new SttSession(testScope({ jobs, metrics, work, ...scope }), { ...settings, ...changes }, audio, client);
  };
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const pcm = (seconds: number): Int16Array => new Int16Array(seconds * rateHz).fill(8_192);
  const claim = async (attempt = 1): Promise<number> => {
    const { offsetSamples } = listener.resume() as SttResume;
    listener.onClaim({ attempt, waitedMs: 3 });
    await settle();
    return offsetSamples;
  };
  const output = (out: SttOutput): void => listener.onOutput(out, new Uint8Array());
  const end = (totalSamples: number): void => {
    const out: SttOutput = { type: 'end', totalSamples };
    listener.onEnd(out);
  };
  const segment = (type: 'partial' | 'final', text: string, from: number, to: number, language = 'en'): void =>
    output({
      type,
      text,
      language,
      startSample: from * rateHz,
      endSample: to * rateHz,
      words: [['w', from * rateHz, to * rateHz]],
    });
  const sentSeconds = (): number => sent.reduce((sum, { bytes }) => sum + bytes, 0) / 2 / rateHz;
  const sentTypes = (): string[] => sent.map(({ input }) => input.type);
  const texts = (): [string, boolean][] =>
    events.flatMap(
      (event) => (event.type === 'transcript' ? [[event.transcript.text, event.isFinal]] : []) as [string, boolean][],
    );

  it('wants a worker from the first audio on, and no sooner', async () => {
    const session = open();
    await settle();
    expect(requests).toEqual([]);
    expect(session.isIdle).toBe(true);
    session.push(pcm(1));
    await settle();
    expect(requests).toMatchObject([
      { lane: { kind: 'stt', model: 'whisper' }, jobClass: 'open', job: { language: 'en', words: true, pace: 'live' } },
    ]);
    expect(sent).toEqual([]);
    await claim();
    expect(sentSeconds()).toBe(1);
  });

  it('sends the worker no more than it has credit for, in messages of a bounded size', async () => {
    const session = open();
    session.push(pcm(25));
    await settle();
    await claim();
    expect(sentSeconds()).toBe(creditMs / 1_000);
    expect(Math.max(...sent.map(({ bytes }) => bytes))).toBeLessThanOrEqual(64 * 1024);
    output({ type: 'credit', consumedSamples: 4 * rateHz });
    expect(sentSeconds()).toBe(14);
    const offsets = sent.map(({ input }) => (input.type === 'audio' ? input.offsetSamples : -1));
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it('asks the client to wait while too much is unsent, and to go on when there is room', async () => {
    const session = open();
    session.push(pcm(31));
    expect(session.full).toBe(true);
    await settle();
    await claim();
    output({ type: 'credit', consumedSamples: 5 * rateHz });
    expect(drained).toBe(0);
    output({ type: 'credit', consumedSamples: 11 * rateHz });
    expect([drained, session.full]).toEqual([1, false]);
  });

  it('gives partials and finals as they come', async () => {
    const session = open();
    session.push(pcm(5));
    await settle();
    await claim();
    segment('partial', 'Hel', 0, 1);
    segment('final', 'Hello.', 0, 2);
    expect(texts()).toEqual([
      ['Hel', false],
      ['Hello.', true],
    ]);
  });

  it('answers finalize when the worker has, at once where there was no audio', async () => {
    const session = open();
    session.finalize();
    expect(events).toEqual([{ type: 'flushed' }]);
    session.push(pcm(1));
    session.finalize();
    session.push(pcm(1));
    await settle();
    await claim();
    expect(sentTypes()).toEqual(['audio', 'finalize', 'audio']);
    expect(events).toHaveLength(1);
    output({ type: 'flushed', marker: 1 });
    expect(events).toHaveLength(2);
  });

  it('is idle while its worker has heard all and every word of it is final', async () => {
    const session = open();
    session.push(pcm(2));
    await settle();
    await claim();
    expect(session.isIdle).toBe(false);
    output({ type: 'credit', consumedSamples: 2 * rateHz });
    expect(session.isIdle).toBe(true);
    segment('partial', 'One', 0, 1.5);
    expect(session.isIdle).toBe(false);
    segment('final', 'One.', 0, 1.6);
    expect(session.isIdle).toBe(true);
    session.push(pcm(1));
    expect(session.isIdle).toBe(false);
  });

  it('settles without telling its client, and is not idle until it has', async () => {
    const session = open();
    session.push(pcm(2));
    session.finalize();
    await settle();
    await claim();
    output({ type: 'credit', consumedSamples: 2 * rateHz });
    session.settle();
    expect(sentTypes()).toEqual(['audio', 'finalize', 'finalize']);
    output({ type: 'flushed', marker: 1 });
    expect(session.isIdle).toBe(false);
    output({ type: 'flushed', marker: 2 });
    expect(session.isIdle).toBe(true);
    expect(events).toEqual([{ type: 'flushed' }]);
  });

  it('plays to a worker that takes over what has no final yet, with the commands in their places', async () => {
    const session = open();
    session.push(pcm(3));
    session.finalize();
    session.push(pcm(2));
    session.close();
    await settle();
    expect(await claim()).toBe(0);
    segment('final', 'One.', 0, 2);
    sent = [];
    expect(await claim(2)).toBe(2 * rateHz);
    expect(sentTypes()).toEqual(['audio', 'finalize', 'audio', 'close']);
    expect(sent[0]!.input).toEqual({ type: 'audio', offsetSamples: 2 * rateHz });
    expect(sentSeconds()).toBe(3);
    segment('final', 'Two.', 2, 3);
    output({ type: 'flushed', marker: 1 });
    sent = [];
    expect(await claim(3)).toBe(3 * rateHz);
    expect(sentTypes()).toEqual(['audio', 'close']);
    segment('final', 'Three.', 3, 5);
    end(5 * rateHz);
    expect(events.at(-1)).toEqual({ type: 'ended', outcome: 'done', durationSeconds: 5 });
    expect(
      texts()
        .map(([text]) => text)
        .join(''),
    ).toBe('One. Two. Three.');
    expect(events.filter(({ type }) => type === 'flushed')).toHaveLength(1);
  });

  it('does not keep an hour of silence', async () => {
    const session = open();
    await settle();
    for (let second = 0; second < 120; second++) {
      session.push(pcm(1));
      if (second === 0) await settle();
      if (second === 0) await claim();
      output({ type: 'credit', consumedSamples: (second + 1) * rateHz });
    }
    expect(await claim(2)).toBeGreaterThanOrEqual(79 * rateHz);
  });

  it('ends at once when nothing was said to it', () => {
    const session = open();
    session.close();
    session.close();
    expect(events).toEqual([{ type: 'ended', outcome: 'done', durationSeconds: 0 }]);
    expect(metrics.ended.mock.calls).toEqual([['stt', 'done']]);
  });

  it('passes on problems, of its worker and of an end that it did not ask for', async () => {
    const session = open();
    session.push(pcm(1));
    await settle();
    await claim();
    listener.onProblem(new ProblemError('job_quarantined'));
    session.push(pcm(1));
    session.close();
    expect(events).toMatchObject([{ type: 'ended', outcome: 'error', problem: { code: 'job_quarantined' } }]);
    const other = open();
    other.push(pcm(1));
    await settle();
    end(rateHz);
    expect(events.at(-1)).toMatchObject({ type: 'ended', outcome: 'error', problem: { code: 'internal' } });
  });

  it('frees the seat when it is cancelled, also while its job is being published', async () => {
    const session = open();
    session.push(pcm(1));
    session.cancel('client');
    await settle();
    expect(cancelled).toHaveLength(1);
    expect(events).toEqual([{ type: 'ended', outcome: 'cancelled', reason: 'client' }]);
  });

  it('measures from the last sample to the last final', async () => {
    const session = open();
    session.push(pcm(1));
    session.close();
    await settle();
    await claim();
    segment('final', 'One.', 0, 1);
    end(rateHz);
    expect(metrics.transcriptionLatency).toHaveBeenCalledTimes(1);
  });
});
