import { speechActivityFunction, sttFunction } from './functions';
import { functionGraph } from './graph';
import { hostLane, jetStreamName, laneClasses, laneName, lanesOf, parseLane, waitBudgetMs } from './lane';
import { subjects } from './subjects';

describe('a lane', () => {
  const lane = { kind: 'stt', model: 'whisper-tiny-en' } as const;

  it('is written and read as KIND.MODEL', () => {
    expect(laneName(lane)).toBe('stt.whisper-tiny-en');
    expect(parseLane('stt.whisper-tiny-en')).toEqual(lane);
  });

  it.each(['', 'tts', 'tts.', 'dance.piper', 'tts.a.b', 'tts.A', 'tts.a*', 'tts.-a', 'tts. a'])(
    'is not "%s"',
    (name) => {
      expect(() => parseLane(name)).toThrow(/KIND\.MODEL/);
    },
  );

  it('has a JetStream name that scalers can rely on', () => {
    expect(jetStreamName(lane)).toBe('ANTIPHON_STT_WHISPER_TINY_EN');
  });

  it('pulls the first utterances of contexts before the rest', () => {
    expect(laneClasses({ kind: 'tts', model: 'piper' })).toEqual(['first', 'rest']);
  });

  it('uses the given budget for new requests, and never shortens the budget of requests with output', () => {
    const tts = { kind: 'tts', model: 'piper' } as const;
    const [first, rest] = [waitBudgetMs(tts, 'first'), waitBudgetMs(tts, 'rest')];
    expect([waitBudgetMs(tts, 'first', 500), waitBudgetMs(tts, 'rest', 500)]).toEqual([500, rest]);
    expect([waitBudgetMs(tts, 'first', 600_000), waitBudgetMs(tts, 'rest', 600_000)]).toEqual([600_000, 600_000]);
    expect(first).toBeLessThan(rest);
    expect(() => waitBudgetMs(tts, 'open')).toThrow(/no job class open/);
  });

  it('keeps its classes on subjects that do not overlap', () => {
    const all = functionGraph.flatMap(({ kind, classes }) =>
      classes.map(({ name }) => subjects.jobs({ kind, model: 'm' }, name)),
    );
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the lanes of a function', () => {
  it('are one for each of its models, or a single one where nothing is fetched', () => {
    expect(lanesOf(sttFunction, ['a', 'b', 'a']).map(laneName)).toEqual(['stt.a', 'stt.b']);
    expect(lanesOf(speechActivityFunction, []).map(laneName)).toEqual(['speech-activity.builtin']);
  });

  it('share the engine of another lane that runs their steps anyway', () => {
    const [speech, stt, tts] = ['speech-activity.builtin', 'stt.whisper-base', 'tts.piper'].map(parseLane);
    if (!speech || !stt || !tts) throw new Error('a lane is missing');
    expect(hostLane(speech, [speech, tts, stt])).toEqual(stt);
    expect(hostLane(speech, [speech, tts])).toBeUndefined();
    expect(hostLane(stt, [speech, tts, stt])).toBeUndefined();
  });
});
