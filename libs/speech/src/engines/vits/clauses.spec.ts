import { parseClauses } from './clauses';

const read = (text: string): string[] =>
  parseClauses(text).clauses.map(
    ({ tokens, terminator }) => `${tokens.map((token) => token.text).join(' ')} /${terminator}`,
  );

describe('parseClauses', () => {
  it('ends clauses at marks that are followed by white space', () => {
    expect(read('Well, yes: fine; go!')).toEqual(['Well, /,', 'yes: /:', 'fine; /;', 'go! /!']);
    expect(read('Really?')).toEqual(['Really? /?']);
  });

  it('leaves numbers, times and addresses whole', () => {
    expect(read('At 10:30 it cost 3.14, see example.com now.')).toEqual([
      'At 10:30 it cost 3.14, /,',
      'see example.com now. /.',
    ]);
  });

  it('does not pause after an abbreviation or initial, but at the end of a sentence', () => {
    expect(read('Dr. Smith met J. Doe. They talked.')).toEqual(['Dr. Smith met J. Doe. /.', 'They talked. /.']);
    expect(read('Acme Inc. sells. See No. 5.')).toEqual(['Acme Inc. sells. /.', 'See No. 5. /.']);
  });

  it('looks behind closing quotes and brackets', () => {
    expect(read('“Stop!” he said (loudly), and left.')).toEqual(['“Stop!” /!', 'he said (loudly), /,', 'and left. /.']);
  });

  it('takes dashes and ellipses as semicolons, alone, behind a word and inside one', () => {
    expect(read('yes — no')).toEqual(['yes — /;', 'no /']);
    expect(read('yes—no')).toEqual(['yes— /;', 'no /']);
    expect(read('well... no… yes')).toEqual(['well... /;', 'no… /;', 'yes /']);
  });

  it('keeps hyphens inside clauses', () => {
    expect(read('a well-known man - of sorts')).toEqual(['a well-known man - of sorts /']);
  });

  it('takes the strongest of several marks', () => {
    expect(read('What?! No..., yes')).toEqual(['What?! /?', 'No..., /;', 'yes /']);
  });

  it('knows the word of every token', () => {
    const { words, clauses } = parseClauses('so yes—no, go');
    expect(words).toEqual(['so', 'yes—no,', 'go']);
    expect(clauses.flatMap(({ tokens }) => tokens)).toEqual([
      { text: 'so', word: 0 },
      { text: 'yes—', word: 1 },
      { text: 'no,', word: 1 },
      { text: 'go', word: 2 },
    ]);
  });

  it('finds nothing in blank text', () => {
    expect(parseClauses('  ')).toEqual({ words: [], clauses: [] });
  });
});
