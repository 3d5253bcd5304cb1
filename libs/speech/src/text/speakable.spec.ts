import { isSpeakable } from './speakable';

describe('isSpeakable', () => {
  it.each(['a', '7', 'é', '你', '(a)', '... no'])('finds something to say in %s', (text) => {
    expect(isSpeakable(text)).toBe(true);
  });

  it.each(['', ' ', '...', '?!', '—', '"', '***', '<', '。', '😀'])('finds nothing to say in "%s"', (text) => {
    expect(isSpeakable(text)).toBe(false);
  });
});
