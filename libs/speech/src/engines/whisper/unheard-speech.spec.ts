import { sttSampleRateHz } from '../../audio';
import { unheardFrom } from './unheard-speech';

const at = (seconds: number): number => Math.round(seconds * sttSampleRateHz);
const word = (from: number, to: number) => ({ word: 'w', startSample: at(from), endSample: at(to) });
const span = (from: number, to: number) => ({ startSample: at(from), endSample: at(to) });

describe('unheardFrom', () => {
  it('is the middle of the pause behind the last word, where speech goes on', () => {
    expect(unheardFrom([word(0, 1)], [span(0, 1), span(1.4, 1.8)])).toBe(at(1.2));
  });

  it('is nowhere where all speech has words', () => {
    expect(unheardFrom([word(0, 1), word(1.4, 1.8)], [span(0, 1), span(1.4, 1.8)])).toBeUndefined();
    expect(unheardFrom([word(0, 1)], [span(0, 1)])).toBeUndefined();
    expect(unheardFrom([word(0, 1)], [])).toBeUndefined();
  });

  it('forgives a last word whose time ends a little late', () => {
    expect(unheardFrom([word(0, 1.15)], [span(0, 1), span(1.4, 1.8)])).toBe(at(1.2));
  });

  it('does not let a word reach over a pause into the speech behind it', () => {
    expect(unheardFrom([word(0, 0.4), word(0.4, 1.7)], [span(0, 1), span(1.4, 1.8)])).toBe(at(1.2));
  });

  it('takes a word whose time begins a little early for one of the speech behind the pause', () => {
    expect(unheardFrom([word(0, 0.9), word(1.25, 1.8)], [span(0, 1), span(1.4, 1.8)])).toBeUndefined();
  });

  it('takes neither a breath nor a gap within a word for more speech', () => {
    expect(unheardFrom([word(0, 1)], [span(0, 1), span(1.4, 1.45)])).toBeUndefined();
    expect(unheardFrom([word(0, 1)], [span(0, 1), span(1.05, 1.8)])).toBeUndefined();
  });

  it('begins with the first pause when there are no words at all', () => {
    expect(unheardFrom([], [span(0, 1), span(1.4, 1.8)])).toBe(at(1.2));
  });
});
