import { bootstrapInterval, median, quantile, rateOf } from './statistics';

describe('statistics', () => {
  it('interpolates between values', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10], 0.95)).toBe(10);
    expect(quantile([0, 100], 0.95)).toBe(95);
    expect(median([])).toBeNaN();
  });

  it('weighs items by their words', () => {
    expect(
      rateOf([
        { errors: 1, words: 1 },
        { errors: 0, words: 9 },
      ]),
    ).toBe(0.1);
  });

  it('gives an interval that holds the rate and narrows with more items', () => {
    const items = Array.from({ length: 40 }, (_, index) => ({ errors: index % 4 === 0 ? 2 : 0, words: 10 }));
    const few = bootstrapInterval(items.slice(0, 8), rateOf);
    const many = bootstrapInterval(items, rateOf);
    expect(many[0]).toBeLessThanOrEqual(rateOf(items));
    expect(many[1]).toBeGreaterThanOrEqual(rateOf(items));
    expect(many[1] - many[0]).toBeLessThan(few[1] - few[0]);
    expect(bootstrapInterval(items, rateOf)).toEqual(many);
  });
});
