import { ProblemError } from '@app/protocol';
import { retriedAtStart } from './start-retry';

const startLimitMs = 30_000;

/** Fails so until the fake clock has this time, then resolves. */
function fails(code: 'bus_unavailable' | 'config_invalid', untilMs: number) {
  const startedAtMs = performance.now();
  return jest.fn(() => {
    if (performance.now() - startedAtMs >= untilMs) return Promise.resolve('created');
    return Promise.reject(new ProblemError(code));
  });
}

describe('what a start creates in JetStream', () => {
  const log = { warn: jest.fn() };
  beforeEach(() => {
    jest.useFakeTimers();
    log.warn.mockClear();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is tried again until JetStream takes calls, with few lines in the log', async () => {
    const action = fails('bus_unavailable', 25_000);
    const created = retriedAtStart('bucket', action, { startLimitMs, log });
    await jest.advanceTimersByTimeAsync(startLimitMs);
    await expect(created).resolves.toBe('created');
    expect(action.mock.calls.length).toBeGreaterThan(12);
    expect(action.mock.calls.length).toBeLessThan(50);
    expect(log.warn).toHaveBeenCalledTimes(3);
    expect(log.warn.mock.calls[0]).toMatchObject([expect.any(String), { what: 'bucket' }]);
  });

  it('is given up at the limit, with what JetStream said last', async () => {
    const startedAtMs = performance.now();
    const action = fails('bus_unavailable', Infinity);
    const refused = expect(retriedAtStart('bucket', action, { startLimitMs, log })).rejects.toMatchObject({
      code: 'bus_unavailable',
    });
    await jest.advanceTimersByTimeAsync(startLimitMs);
    await refused;
    expect(performance.now() - startedAtMs).toBeLessThanOrEqual(startLimitMs);
  });

  it('is given up at once where only a person can mend it', async () => {
    const action = fails('config_invalid', Infinity);
    await expect(retriedAtStart('bucket', action, { startLimitMs, log })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    expect(action).toHaveBeenCalledTimes(1);
    expect(log.warn).not.toHaveBeenCalled();
  });
});
