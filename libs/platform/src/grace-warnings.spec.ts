import { GraceWarnings } from './grace-warnings';

const observed = (...shares: number[]): (number | undefined)[] => {
  const warnings = new GraceWarnings();
  return shares.map((share) => warnings.observe(share));
};

it('says each share once, to the exact value', () => {
  expect(observed(1, 0.51, 0.5, 0.4, 0.2, 0.06, 0.05, 0)).toEqual([
    undefined,
    undefined,
    0.5,
    undefined,
    0.2,
    undefined,
    0.05,
    undefined,
  ]);
});

it('says only the lowest of several that were reached since the last time', () => {
  expect(observed(0.9, 0.1, 0.04)).toEqual([undefined, 0.2, 0.05]);
});

it('says them again in the next grace, and after a grace that grew', () => {
  expect(observed(0.3, 1, 0.3)).toEqual([0.5, undefined, 0.5]);
  expect(observed(0.04, 0.3, 0.2)).toEqual([0.05, undefined, 0.2]);
});
