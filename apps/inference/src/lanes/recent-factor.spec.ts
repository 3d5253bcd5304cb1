import { RecentFactor } from './recent-factor';

describe('RecentFactor', () => {
  it('is 0 before anything was measured, and then compute time over audio time', () => {
    const factor = new RecentFactor();
    expect(factor.value).toBe(0);
    factor.add(500, 10_000);
    expect(factor.value).toBeCloseTo(0.05);
  });

  it('weighs jobs by their audio', () => {
    const factor = new RecentFactor();
    factor.add(100, 100);
    factor.add(0, 900);
    expect(factor.value).toBeCloseTo(0.1, 2);
  });

  it('follows what is recent', () => {
    const factor = new RecentFactor();
    for (let job = 0; job < 20; job += 1) factor.add(1_000, 10_000);
    for (let job = 0; job < 20; job += 1) factor.add(5_000, 10_000);
    expect(factor.value).toBeGreaterThan(0.49);
  });
});
