import { requestIdOf } from './request-id';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

it('takes a well-formed request id of the caller', () => {
  expect(requestIdOf({ 'x-request-id': 'abc-123/x' })).toBe('abc-123/x');
});

it.each([undefined, '', 'two words', 'line\nbreak', 'ä', 'x'.repeat(129), ['a', 'b']])(
  'makes a new one in place of %j',
  (given) => {
    expect(requestIdOf({ 'x-request-id': given })).toMatch(uuid);
  },
);
