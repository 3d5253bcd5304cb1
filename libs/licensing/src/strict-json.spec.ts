import fc from 'fast-check';
import { parseStrictJson } from './strict-json';

it.each([
  ['at the top', '{"a":1,"a":1}', 'a'],
  ['inside an object', '{"x":{"a":1,"b":2,"a":3}}', 'a'],
  ['inside a list', '[{"x":[{"a":1,"a":2}]}]', 'a'],
  ['after an object between them', '{"a":{"b":1},"c":[],"a":2}', 'a'],
  ['written with an escape', '{"a":1,"\\u0061":2}', 'a'],
  ['with white space before the colon', '{"a" : 1, "a"\n: 2}', 'a'],
  ['with quotes and braces in its name', '{"}\\"{":1,"}\\"{":2}', '}\\"{'],
])('refuses a field twice %s', (_where, text, name) => {
  expect(() => parseStrictJson(text)).toThrow(`the field "${name}" appears twice`);
});

it('refuses null, but not the word in a string', () => {
  expect(() => parseStrictJson('{"a":[null]}')).toThrow('a field is null');
  expect(parseStrictJson('{"null":"null"}')).toEqual({ null: 'null' });
});

it('takes the same name in different objects, and names inside strings', () => {
  const text = '{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\":1,\\"a\\":2 {"}';
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

it('reads any other JSON like JSON.parse', () => {
  const withoutNull = fc.json().filter((text) => !/(^|[^"\w])null/.test(text));
  fc.assert(fc.property(withoutNull, (text) => expect(parseStrictJson(text)).toEqual(JSON.parse(text))));
});
