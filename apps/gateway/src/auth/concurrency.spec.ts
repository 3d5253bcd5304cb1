import { Concurrency } from './concurrency';

const grant = (keyId: string, maxConcurrent?: number) => ({
  keyId,
  validForMs: 0,
  ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
});

describe('concurrency', () => {
  it('has no bounds for a key without a limit', () => {
    const concurrency = new Concurrency();
    for (let i = 0; i < 1_000; i++) concurrency.enter(grant('a'));
    expect(concurrency.total).toBe(1_000);
  });

  it('is counted per key, and given back once', () => {
    const concurrency = new Concurrency();
    const leave = concurrency.enter(grant('a', 2));
    concurrency.enter(grant('a', 2));
    concurrency.enter(grant('b', 1));
    expect(() => concurrency.enter(grant('a', 2))).toThrow('concurrency_limited');
    leave();
    leave();
    expect(concurrency.counts()).toEqual({ a: 1, b: 1 });
    concurrency.enter(grant('a', 2));
    expect(() => concurrency.enter(grant('a', 2))).toThrow();
  });

  it('is bounded by the default where a key has no limit of its own', () => {
    const concurrency = new Concurrency(() => 0, 1);
    concurrency.enter(grant('a'));
    expect(() => concurrency.enter(grant('a'))).toThrow('concurrency_limited');
    concurrency.enter(grant('b', 2));
    concurrency.enter(grant('b', 2));
  });

  it('counts what other gateways have at work', () => {
    const concurrency = new Concurrency((keyId) => (keyId === 'a' ? 3 : 0));
    concurrency.enter(grant('a', 4));
    expect(() => concurrency.enter(grant('a', 4))).toThrow();
    concurrency.enter(grant('b', 1));
  });
});
