import { canonicalJson } from './canonical-json';

it('orders keys at every depth and keeps the order of lists', () => {
  expect(canonicalJson({ b: [2, { d: 1, c: null }], a: 'x"y' })).toBe('{"a":"x\\"y","b":[2,{"c":null,"d":1}]}');
});

it('leaves out what is undefined, like JSON does', () => {
  expect(canonicalJson({ b: undefined, a: true })).toBe('{"a":true}');
});
