import { until } from './until';

describe('until', () => {
  it('resolves at the first time that the condition holds, whatever it threw before', async () => {
    let asked = 0;
    await until(() => {
      asked += 1;
      if (asked === 1) throw new Error('not there');
      return asked === 3;
    });
    expect(asked).toBe(3);
  });

  it('rejects at its bound with the condition and what it threw last', async () => {
    const cause = new Error('connection refused');
    const waiting = until(() => Promise.reject(cause), { withinMs: 10 });
    await expect(waiting).rejects.toThrow(/^not within 10 ms: .*reject\(cause\)/);
    await expect(waiting).rejects.toMatchObject({ cause });
  });

  it('asks at least once', async () => {
    await expect(until(() => true, { withinMs: 0 })).resolves.toBeUndefined();
  });
});
