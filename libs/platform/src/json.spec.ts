import { ProblemError } from '@app/protocol';
import { jsonLimits, parseJson } from './json';

const detailOf = (text: string): string => {
  try {
    parseJson(text);
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad_request' });
    return (error as ProblemError).detail;
  }
  throw new Error('nothing was thrown');
};

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const fields = (count: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, 1])));
const items = (count: number): string => JSON.stringify(new Array(count + 1).fill(0));

describe('parseJson', () => {
  it.each(['{"a": [1, "two", null]}', '"text"', '3', ' [] '])('gives what JSON says (%s)', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each(['{', '', 'x', '{"a": }', '"unclosed', ']]]'])('refuses what is no JSON (%s)', (text) => {
    expect(detailOf(text)).toBe('Send valid JSON.');
  });

  it('takes what is just within the limits', () => {
    expect(() => parseJson(nested(jsonLimits.depth))).not.toThrow();
    expect(() => parseJson(fields(jsonLimits.fields))).not.toThrow();
    expect(() => parseJson(items(jsonLimits.items))).not.toThrow();
  });

  it('names the limit that is passed', () => {
    expect(detailOf(nested(jsonLimits.depth + 1))).toContain(`${jsonLimits.depth} levels`);
    expect(detailOf(fields(jsonLimits.fields + 1))).toContain(`${jsonLimits.fields} fields`);
    expect(detailOf(items(jsonLimits.items + 1))).toContain(`${jsonLimits.items} items`);
  });

  it('does not count what stands in strings', () => {
    const text = `${'[{:,'.repeat(30_000)}\\"`;
    expect(parseJson(JSON.stringify({ text }))).toEqual({ text });
  });
});
