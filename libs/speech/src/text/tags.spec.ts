import { type MarkedText, TagReader } from './tags';

/** Text with breaks written as [ms], no-break spaces as _. */
function show(marked: MarkedText[]): string {
  return marked
    .map((part) => (part.kind === 'break' ? `[${part.durationMs}]` : part.text.replaceAll('\u00a0', '_')))
    .join('');
}

const read = (text: string) => show(new TagReader().push(text));

describe('TagReader', () => {
  it.each([
    ['<break time="1s"/>', '[1000]'],
    ['<break time="250ms"/>', '[250]'],
    ["<break time='0.5s' />", '[500]'],
    ['<break time=“1.5s”/>', '[1500]'],
    ['<break time=2s/>', '[2000]'],
    ['<BREAK  time = "2" >', '[2000]'],
    ['<break time="1s"></break>', '[1000]'],
    ['<break/>', '[500]'],
    ['<break time="soon"/>', '[500]'],
    ['<break time="3600s"/>', '[10000]'],
  ])('makes a pause of %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['<emotion value="sad"/>Oh', ' Oh'],
    ['<speed ratio="1.2"/><volume ratio="0.8"/>fast', '  fast'],
    ['<prosody rate="slow">so</prosody>', 'so'],
    ['he<b>ll</b>o', 'hello'],
    ['<laugh/>ha', ' ha'],
    ['the <<n|oʊ|n>> word', 'the   word'],
    ['one <<w|ʌ|n>>', 'one  '],
  ])('says nothing for the tags of %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    'a < b and c > d',
    '1 <2',
    '<3',
    'x <y and z> w',
    'if (a<b) {}',
    '1 << 2 >> 1',
    'a <- b',
    'List<String>',
    '<>',
  ])('leaves %s alone, because it has no tag', (text) => {
    const reader = new TagReader();
    expect(show([...reader.push(text), ...reader.push(' ')])).toBe(`${text} `);
  });

  it('spells letters, digits and the symbols that are spoken', () => {
    expect(read('code <spell>aB1-2 3</spell>.')).toBe('code  A,_B,_1,_2,_3.');
    expect(read('<spell>j@x_y.de</spell>')).toBe(' J,_@,_X,__,_Y,_D,_E');
  });

  it('keeps a combining mark with its letter, and spells characters of two code units', () => {
    expect(read('<spell>e\u0301\u{20000}b</spell>')).toBe(' E\u0301,_\u{20000},_B');
  });

  it('does not join what is spelled before and after a break', () => {
    expect(read('<spell>AB<break time="1s"/>CD</spell>')).toBe(' A,_B[1000]C,_D');
  });

  it('gives text at once, but the beginning of a tag only when it turned out to be none', () => {
    const reader = new TagReader();
    expect(show(reader.push('Hello <bre'))).toBe('Hello ');
    expect(show(reader.push('ak time="1'))).toBe('');
    expect(show(reader.push('s"/> you <'))).toBe('[1000] you ');
    expect(show(reader.push('3'))).toBe('<3');
  });

  it('does not wait for ever for the end of what looks like a tag', () => {
    const reader = new TagReader();
    expect(show(reader.push(`<name value="${'x'.repeat(500)}`))).toMatch(/^<name value="x+$/);
  });
});
