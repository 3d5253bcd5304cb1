import { SpeechError } from '../speech-error';
import { type TextPiece, TextSplitter } from './splitter';
import type { UtteranceLimits } from './utterance-end';

/** Sentences only, no first clause. */
const sentences: Partial<UtteranceLimits> = { firstClauseMaxCharacters: 0, secondUtteranceMaxCharacters: 250 };

const show = (pieces: readonly TextPiece[]) =>
  pieces.map((piece) => (piece.kind === 'break' ? piece.durationMs : piece.text));

function pieces(parts: readonly string[], limits: Partial<UtteranceLimits> = {}): TextPiece[] {
  const splitter = new TextSplitter(limits);
  return [...parts.flatMap((part) => splitter.push(part)), ...splitter.flush()];
}

const split = (text: string, limits: Partial<UtteranceLimits> = sentences) => show(pieces([text], limits));

describe('sentences', () => {
  it.each<[string, string[]]>([
    ['titles', ['Dr. Smith met Mrs. Jones.', 'They left.']],
    ['initials', ['By J. R. R. Tolkien and George W. Bush.', 'Yes.']],
    ['a pronoun that is no initial', ['It was I.', 'Then she left.']],
    ['Latin abbreviations', ['See e.g. the Nile, i.e. a river, vs. Amazon.', 'Good.']],
    ['etc. in the middle and at the end', ['Cats, dogs, etc. are pets.', 'I like cats, dogs, etc.', 'They are fun.']],
    ['acronyms', ['The U.S. Army is in the U.S.', 'It is big.', 'He has a Ph.D. in physics.']],
    ['times of day', ['Come at 10:30 a.m. or 5 p.m. Monday.', 'We close at 6 p.m.', 'The shop is new.']],
    [
      'companies and streets',
      ['Apple Inc. makes phones on Main St. in town.', 'Buy from Apple Inc.', 'The price is good.'],
    ],
    ['numbered references', ['See No. 5 and Fig. 3.', 'Was it true?', 'No.', 'It was not.']],
    ['decimals, thousands, versions', ['Pi is 3.14, not 1,000.', 'Use v1.2.3 now.', 'It cost $5.']],
    ['a year at the end', ['It was 1999.', 'Then came 2000.']],
    ['German and French abbreviations', ['Das ist z. B. Dr. Müller, d. h. ein Arzt.', 'Voici Mme. Curie.']],
    ['addresses', ['Go to https://example.com/a.b?c=d.', 'Mail a.b@example.co.uk!', 'Or www.example.org, please.']],
    ['file and library names', ['Node.js reads a.txt.', 'Fine.']],
    ['ellipses', ['Well... maybe… yes.', 'Wait...', 'What?', 'It costs... 5 dollars, and... I know.']],
    ['runs of marks', ['What?!', 'No!!!', 'Really??', 'Yes.']],
    ['quoted speech with its verb', ['"Stop!" he said.', '“Why?” asked Ann.']],
    ['closing quotes and brackets', ['He said "Go."', '(It was late.)', "'Is it?'", 'Yes.']],
    ['French quotes', ['« Bonjour ! »', 'Il est parti.', '« Quoi ? » dit-elle.']],
    ['markdown', ['**Stop!**', 'It is *fine.*', 'Go.']],
    ['Spanish', ['¿Qué hora es?', '¡Son las tres!', 'Gracias, Sra. López.']],
    ['Korean one-syllable words', ['네.', '안녕하세요.']],
    ['Hindi and Arabic', ['यह अच्छा है।', 'هل أنت بخير؟', 'نعم.']],
  ])('survive %s', (_name, expected) => {
    expect(split(expected.join(' '))).toEqual(expected);
  });

  it('need no white space in Chinese and Japanese', () => {
    expect(split('你好，世界。今天很好！真的吗？是。')).toEqual(['你好，世界。', '今天很好！', '真的吗？', '是。']);
    expect(split('“停！”他说。“好。”「止まれ！」と言った。そう。')).toEqual([
      '“停！”他说。',
      '“好。”',
      '「止まれ！」と言った。',
      'そう。',
    ]);
    expect(split('你好!世界')).toEqual(['你好!', '世界']);
  });

  it('end at a blank line, but not at the end of a line', () => {
    expect(split('A title\n\nSome text\nthat goes on\r\n \r\nThe end')).toEqual([
      'A title',
      'Some text\nthat goes on',
      'The end',
    ]);
  });

  it('end before and after the items of a list', () => {
    expect(split('Buy:\n- milk\n- two eggs\n* bread\nThat is all\n1. First\n2) Second\n# Heading\nText')).toEqual([
      'Buy:',
      '- milk',
      '- two eggs',
      '* bread',
      'That is all',
      '1. First',
      '2) Second',
      '# Heading',
      'Text',
    ]);
  });

  it('keep the number of a list item with its text', () => {
    expect(split('1. Do this. 2. Do that.\n3. Stop.')).toEqual(['1. Do this.', '2. Do that.', '3. Stop.']);
  });

  it('take punctuation without a word along, and drop it when it stands alone', () => {
    expect(split('... Hello! ... World. -- ')).toEqual(['... Hello!', '... World.']);
    expect(split('*** " … \n\n ?!')).toEqual([]);
    expect(split('')).toEqual([]);
  });

  it('do not end inside a word that only looks like an end', () => {
    expect(split('end.Next')).toEqual(['end.Next']);
    expect(split('What?No')).toEqual(['What?No']);
  });
});

describe('the first utterance', () => {
  const dickens =
    'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.';

  it('ends at the first clause, the second goes on to the end of the sentence', () => {
    expect(split(dickens, {})).toEqual(['It was the best of times,', dickens.slice(26)]);
  });

  it.each([
    ['Well, this is fine, I think.', 'Well, this is fine,'],
    ['He came to us; we left.', 'He came to us;'],
    ['Remember this: we left.', 'Remember this:'],
    ['He came to us—we left.', 'He came to us—'],
    ['He came to us -- we left.', 'He came to us --'],
    ['We were so late... but we came.', 'We were so late...'],
    ['Yes! We were so late, sorry.', 'Yes!'],
    ['今天天气非常好我们出去玩吧，你说好不好。', '今天天气非常好我们出去玩吧，'],
  ])('of %s ends at its first boundary after a dozen characters', (text, first) => {
    expect(split(text, {})[0]).toBe(first);
  });

  it('is not cut at a comma inside a number or at a range', () => {
    const text = 'It costs 1,000,000 and 10:30 is the time on pages 10-20 of well-known books.';
    expect(split(text, { firstClauseMinCharacters: 1, firstClauseMaxCharacters: 15 })).toEqual([text]);
  });

  it('ends before a conjunction when no mark comes in time, otherwise at the first mark', () => {
    expect(split('I went to the old shop and bought some very nice things there, you know.', {})[0]).toBe(
      'I went to the old shop',
    );
    expect(split('My brother bought some very nice old things there yesterday, you know.', {})[0]).toBe(
      'My brother bought some very nice old things there yesterday,',
    );
  });

  it('is the whole sentence when clauses are switched off', () => {
    expect(split(dickens)).toEqual([dickens]);
  });
});

describe('long sentences', () => {
  it('are cut at a strong mark of the second half rather than at a later comma', () => {
    expect(split('aaaa bbbb, cccc; dddd, eeee ffff gggg', { ...sentences, maxUtteranceCharacters: 26 })).toEqual([
      'aaaa bbbb, cccc;',
      'dddd, eeee ffff gggg',
    ]);
  });

  it('are cut at the last comma, else before a conjunction, else between words', () => {
    const limits = { ...sentences, maxUtteranceCharacters: 30 };
    expect(split('one two, three four, five six seven eight nine', limits)[0]).toBe('one two, three four,');
    expect(split('one two three four and five six seven eight nine', limits)[0]).toBe('one two three four');
    expect(split('one two three four five six seven eight nine', limits)[0]).toBe('one two three four five six');
  });

  it('are cut between words of a script without spaces, and inside a word only when it alone is too long', () => {
    const limits = { ...sentences, maxUtteranceCharacters: 20 };
    const chinese = '我们今天去北京大学参观图书馆然后回家吃饭休息看电视';
    const words = new Set([...new Intl.Segmenter('und', { granularity: 'word' }).segment(chinese)].map((s) => s.index));
    const [first = ''] = split(chinese, limits) as string[];
    expect(words.has(first.length)).toBe(true);
    expect(split('x'.repeat(50), limits)).toEqual(['x'.repeat(20), 'x'.repeat(20), 'x'.repeat(10)]);
    expect((split('😀a'.repeat(40), limits) as string[]).join('')).toBe('😀a'.repeat(40));
  });

  it('are shorter in the second utterance, at a clause only', () => {
    const limits = { firstClauseMaxCharacters: 40, secondUtteranceMaxCharacters: 40, maxUtteranceCharacters: 250 };
    const text =
      'This is the beginning, then comes some more, and even a little more, because it never quite comes to an end.';
    expect(split(text, limits)).toEqual([
      'This is the beginning,',
      'then comes some more,',
      'and even a little more, because it never quite comes to an end.',
    ]);
    const plain = 'This is the beginning, then one two three four five six seven eight nine ten eleven twelve.';
    expect(split(plain, limits)).toHaveLength(2);
  });

  it('refuse a limit that leaves no room for words', () => {
    expect(() => new TextSplitter({ maxUtteranceCharacters: 0 })).toThrow(SpeechError);
  });
});

describe('incremental text', () => {
  it('joins pieces verbatim', () => {
    expect(show(pieces(['Hel', 'lo ', 'wor', 'ld.', ' By', 'e.']))).toEqual(['Hello world.', 'Bye.']);
  });

  it('gives an utterance as soon as the character after it is there', () => {
    const splitter = new TextSplitter();
    expect(splitter.push('Hello there.')).toEqual([]);
    expect(show(splitter.push(' '))).toEqual(['Hello there.']);
    expect(show(splitter.push('你好。你'))).toEqual(['你好。']);
  });

  it.each([
    ['a number', 'It is 3.', '14 now. ', ['It is 3.14 now.']],
    ['a title', 'I met Dr. ', 'Smith. ', ['I met Dr. Smith.']],
    ['an acronym', 'In the U.S. ', 'It rains. ', ['In the U.S.', 'It rains.']],
    ['an ellipsis', 'Well... ', 'maybe. ', ['Well... maybe.']],
    ['a quote', '"Stop!" ', 'he said. ', ['"Stop!" he said.']],
    ['a run', 'What?', '! Oh. ', ['What?!', 'Oh.']],
    ['a tag', 'So. <br', 'eak time="1s"/>Oh. ', ['So.', 1000, 'Oh.']],
    ['a list', 'Items\n', '- one\n\n', ['Items', '- one']],
  ])('holds back %s until it is certain', (_name, first, second, expected) => {
    const splitter = new TextSplitter(sentences);
    const early = splitter.push(first);
    expect(show(early)).toEqual(early.length > 0 ? expected.slice(0, early.length) : []);
    expect(early.length).toBeLessThan(expected.length);
    expect(show([...early, ...splitter.push(second), ...splitter.flush()])).toEqual(expected);
  });

  it('goes on after a flush; half a tag is not read aloud', () => {
    const splitter = new TextSplitter();
    expect(splitter.push('Hello <bre')).toEqual([]);
    expect(splitter.flush()).toEqual([{ kind: 'utterance', text: 'Hello' }]);
    expect([...splitter.push('ak time="1s"/>you'), ...splitter.flush()]).toEqual([
      { kind: 'break', durationMs: 1000 },
      { kind: 'utterance', text: 'you' },
    ]);
  });

  it('does not let spelled letters end a sentence as initials would', () => {
    expect(split('It is <spell>abc</spell>. Please <spell>x y</spell> on.')).toEqual([
      'It is  A, B, C.',
      'Please  X, Y on.',
    ]);
  });

  it('cuts a book pushed at once in the time of its length', () => {
    const page = 'It was the best of times, it was the worst of times. "Stop!" he said... and left Dr. Jones. ';
    expect(pieces([page.repeat(500)])).toHaveLength(1 + 2 * 500);
  });
});

/** Reproducible. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const atoms = (
  'Hello world the I He and because Dr. U.S. e.g. etc. 3.14 3 1,000 J. No. 5 p.m. 1. a . , ! ? ... … ; : - — -- " ” ( ) < > ' +
  '<break␣time="1s"/> <spell> </spell> AB1 <emotion␣value="sad"/> <<h|e>> <b> </b> <b 。 ！ 你好 「 」 と 、 « » * 😀 e\u0301 wait ' +
  'https://e.com/a.b?c=d. a@b.co ␣ ␣␣ \n \n\n \r\n\r\n \u00a0'
)
  .split(' ')
  .map((atom) => atom.replaceAll('␣', ' '));

function randomText(random: () => number): string {
  const length = 1 + Math.floor(random() * 50);
  const atom = () => (atoms[Math.floor(random() * atoms.length)] ?? '') + (random() < 0.5 ? ' ' : '');
  return Array.from({ length }, atom).join('');
}

function chop(text: string, random: () => number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + Math.floor(random() ** 2 * 20);
    parts.push(text.slice(at, at + length));
    at += length;
  }
  return parts;
}

describe('any text', () => {
  const limitsToTry: Partial<UtteranceLimits>[] = [
    {},
    sentences,
    { maxUtteranceCharacters: 30 },
    { maxUtteranceCharacters: 16, firstClauseMaxCharacters: 10 },
    { secondUtteranceMaxCharacters: 20, maxUtteranceCharacters: 60 },
  ];

  it.each(limitsToTry)('gives the same pieces however it is pushed, with limits %j', (limits) => {
    const random = randomFrom(1);
    for (let round = 0; round < 60; round++) {
      const text = randomText(random);
      const whole = JSON.stringify(pieces([text], limits));
      for (const parts of [text.split(''), chop(text, random)]) {
        expect(JSON.stringify(pieces(parts, limits))).toBe(whole);
      }
    }
  });

  it.each(limitsToTry)('gives pieces, none too long, all with something to say, with limits %j', (limits) => {
    const random = randomFrom(2);
    for (let round = 0; round < 100; round++) {
      for (const piece of pieces([randomText(random)], limits)) {
        if (piece.kind === 'break') continue;
        expect(piece.text.length).toBeLessThanOrEqual(limits.maxUtteranceCharacters ?? 250);
        expect(piece.text).toMatch(/^\S(.*\S)?$/su);
        expect(piece.text).toMatch(/[\p{L}\p{N}]/u);
      }
    }
  });

  it.each(limitsToTry)('loses no letter and changes no order, with limits %j', (limits) => {
    const random = randomFrom(3);
    for (let round = 0; round < 100; round++) {
      const text = randomText(random).replace(/[<>]/g, '');
      const letters = (from: string) => from.replace(/[^\p{L}\p{N}]/gu, '');
      const utterances = pieces([text], limits).flatMap((piece) => (piece.kind === 'utterance' ? [piece] : []));
      expect(letters(utterances.map((piece) => piece.text).join(''))).toBe(letters(text));
    }
  });
});
