import { functionGraph } from './graph';
import { jetStreamName, laneClasses, laneName, parseLane } from './lane';
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

  it('keeps its classes on subjects that do not overlap', () => {
    const all = functionGraph.flatMap(({ kind, classes }) =>
      classes.map(({ name }) => subjects.jobs({ kind, model: 'm' }, name)),
    );
    expect(new Set(all).size).toBe(all.length);
  });
});
