import { splitWords } from './words';

describe('splitWords', () => {
  it('keeps punctuation with the word it touches', () => {
    expect(splitWords('"Stop!" he said: it\'s 3.14, isn\'t it?')).toEqual([
      '"Stop!"',
      'he',
      'said:',
      "it's",
      '3.14,',
      "isn't",
      'it?',
    ]);
  });

  it('drops white space of every kind, and gives nothing for blank text', () => {
    expect(splitWords('  a\t b\n\nc\u00a0d ')).toEqual(['a', 'b', 'c', 'd']);
    expect(splitWords(' \n ')).toEqual([]);
    expect(splitWords('')).toEqual([]);
  });

  it('keeps a lone dash, so that the words are those of the text', () => {
    expect(splitWords('Hello - world …')).toEqual(['Hello', '-', 'world', '…']);
  });

  it('gives one entry per Chinese character and punctuation mark', () => {
    expect(splitWords('你好,世界。“好”')).toEqual(['你', '好', ',', '世', '界', '。', '“', '好', '”']);
  });

  it('gives one entry per Japanese character, a combining mark staying with its character', () => {
    expect(splitWords('がラーメン！')).toEqual(['が', 'ラ', 'ー', 'メ', 'ン', '！']);
    expect(splitWords('か\u3099き')).toEqual(['か\u3099', 'き']);
  });

  it('keeps foreign words inside Chinese whole', () => {
    expect(splitWords('我喜欢Node.js和3.14。')).toEqual(['我', '喜', '欢', 'Node.js', '和', '3.14', '。']);
  });

  it('leaves Korean words whole', () => {
    expect(splitWords('안녕하세요, 세계!')).toEqual(['안녕하세요,', '세계!']);
  });

  it('loses nothing but white space', () => {
    const text = ' Mr. 王 said “你好 there”…  OK?\n不。';
    expect(splitWords(text).join('')).toBe(text.replace(/\s/g, ''));
  });
});
