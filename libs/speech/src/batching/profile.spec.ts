import { profileNames, profiles, tuningOf } from './profile';

describe('profiles', () => {
  it('trade latency for throughput in the order of their names', () => {
    const ordered = profileNames.map((name) => profiles[name]);
    for (const number of ['batchSize', 'batchWaitMs', 'partialIntervalMs', 'endSilenceMs'] as const) {
      const values = ordered.map((tuning) => tuning[number]);
      expect(values).toEqual([...values].sort((a, b) => a - b));
    }
  });

  it('give way to a number that is set, and to nothing else', () => {
    expect(tuningOf('balanced', { batchSize: 3, batchWaitMs: undefined })).toEqual({
      ...profiles.balanced,
      batchSize: 3,
    });
    expect(tuningOf('latency', { batchWaitMs: 0 }).batchWaitMs).toBe(0);
  });
});
