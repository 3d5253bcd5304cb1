import { tableLines } from './table';

it('makes each column as wide as its longest cell, and leaves no spaces at the end of a line', () => {
  expect(tableLines([['ID', 'SIZE'], ['piper', '5 MB'], ['x', '']])).toEqual(['ID     SIZE', 'piper  5 MB', 'x']); // prettier-ignore
});

it('makes nothing of no rows', () => {
  expect(tableLines([])).toEqual([]);
});
