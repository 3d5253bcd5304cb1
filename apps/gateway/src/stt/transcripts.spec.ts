import type { SttSegment } from '@app/protocol';
import { sttSampleRateHz as rateHz } from '@app/speech/audio';
import { Transcripts } from './transcripts';

describe('the transcripts of an STT stream', () => {
  let transcripts: Transcripts;
  beforeEach(() => (transcripts = new Transcripts()));

  const segment = (text: string, from: number, to: number, language = 'en'): SttSegment => ({
    text,
    language,
    startSample: from * rateHz,
    endSample: to * rateHz,
    words: [['w', from * rateHz, to * rateHz]],
  });

  it('can be joined as they are', () => {
    expect(transcripts.partial(segment('Hel', 0, 1))?.text).toBe('Hel');
    expect(transcripts.final(segment('Hello.', 0, 2))?.text).toBe('Hello.');
    expect(transcripts.partial(segment('How', 2, 3))?.text).toBe(' How');
    expect(transcripts.final(segment('How are you?', 2, 4))).toEqual({
      text: ' How are you?',
      language: 'en',
      durationSeconds: 2,
      words: [{ word: 'w', start: 2, end: 4 }],
    });
  });

  it('have no space where the language has none', () => {
    const finals = [segment('你好。', 0, 2, 'zh'), segment('再见。', 2, 4, 'zh')];
    expect(finals.map((final) => transcripts.final(final)?.text)).toEqual(['你好。', '再见。']);
  });

  it('say nothing of silence, and never change what is final', () => {
    expect(transcripts.partial(segment('', 0, 1))).toBeUndefined();
    expect(transcripts.final(segment('', 0, 1))).toBeUndefined();
    expect(transcripts.finalSample).toBe(rateHz);
    expect(transcripts.final(segment('One.', 1, 3))?.text).toBe('One.');
    expect(transcripts.final(segment('Two.', 1, 3))).toBeUndefined();
    expect(transcripts.partial(segment('Two', 1, 2))).toBeUndefined();
  });

  it('know whether words were shown that no final has', () => {
    transcripts.partial(segment('One', 0, 1));
    expect(transcripts.hasOpenWords).toBe(true);
    transcripts.final(segment('One.', 0, 2));
    expect(transcripts.hasOpenWords).toBe(false);
  });
});
