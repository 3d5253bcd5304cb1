import { addsNothing } from './joined-recognition';

describe('addsNothing', () => {
  it.each([
    ['Thank you.', 'Wait.', false],
    ['My number is 5551234.', '1, 2, 3, 4.', true],
    ['Call me tomorrow morning.', 'tomorrow morning', true],
    ['No.', 'No.', false],
    ['No.', '', true],
    ['你好。再见。', '再见', true],
  ])('%p, then %p: %p', (first, rest, nothing) => {
    expect(addsNothing(first, rest)).toBe(nothing);
  });
});
