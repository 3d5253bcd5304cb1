import { ProblemError, type UsageRecord } from '@app/protocol';
import { mockMetrics, testScope, type TestScope } from '../../test/support/test-scope';
import type { Admission } from '../auth/gatekeeper';
import { RequestScope, type WorkEnd } from './request-scope';

describe('the scope of a request', () => {
  let metrics: ReturnType<typeof mockMetrics>;
  let lines: Record<string, unknown>[];
  let active: number;
  let gone: AbortController;

  beforeEach(() => {
    metrics = mockMetrics();
    lines = [];
    active = 0;
    gone = new AbortController();
  });

  const enter = (): (() => void) => {
    active++;
    return () => void active--;
  };
  const open = (given: TestScope = {}): RequestScope =>
    testScope({
      metrics,
      enter,
      signal: gone.signal,
      log: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
      ...given,
    });

  it('counts and logs exactly one end, and frees its slot with it', () => {
    const scope = open();
    scope.enter();
    expect(active).toBe(1);
    scope.end({ outcome: 'done' });
    scope.end({ outcome: 'cancelled', reason: 'client' });
    gone.abort();
    expect(active).toBe(0);
    expect([metrics.opened.mock.calls, metrics.ended.mock.calls]).toEqual([[['tts']], [['tts', 'done']]]);
    expect(lines).toMatchObject([{ msg: 'tts context ended', requestId: 'r', outcome: 'done' }]);
  });

  it('stores one record of what was used, and says so once it is stored', async () => {
    const records: UsageRecord[] = [];
    let store: () => void = () => undefined;
    const record = (one: UsageRecord, stored: () => void): void => {
      records.push(one);
      store = stored;
    };
    const scope = open({ usage: { record } });
    const use = { voice: 'v', characters: 7, audioSamples: 100, sampleRateHz: 8_000 };
    scope.measure(() => use);
    const told = jest.fn();
    scope.end({ outcome: 'done' }, told);
    gone.abort();
    const all = Promise.all([scope.stored(), scope.stored()]);
    expect(told).not.toHaveBeenCalled();
    store();
    await all;
    scope.end({ outcome: 'done' }, told);
    expect(told).toHaveBeenCalledTimes(2);
    const facts = { requestId: 'r', keyId: 'key-1', kind: 'tts', model: 'm', outcome: 'done' };
    expect(records).toEqual([{ ...facts, ...use, id: expect.any(String) as string, at: expect.any(String) as string }]);
  });

  it('tells every caller of the end, even if one of them fails', () => {
    const scope = open();
    const told = jest.fn();
    const failing = (): void => {
      throw new Error('socket is gone');
    };
    void scope.stored();
    scope.end({ outcome: 'done' }, failing);
    scope.end({ outcome: 'done' }, told);
    expect(told).toHaveBeenCalledTimes(1);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  it('stores no record of work that ends before it is measured', () => {
    const record = jest.fn();
    const told = jest.fn();
    open({ usage: { record } }).end({ outcome: 'error', problem: new ProblemError('bad_request') }, told);
    expect([record.mock.calls, told.mock.calls]).toEqual([[], [[]]]);
  });

  it.each<[WorkEnd, object]>([
    [
      { outcome: 'error', problem: new ProblemError('internal', { cause: new Error('why') }) },
      { level: 'warn', outcome: 'error', code: 'internal', err: { message: 'why' } },
    ],
    [
      { outcome: 'cancelled', reason: 'expired' },
      { level: 'info', outcome: 'cancelled', reason: 'expired' },
    ],
  ])('logs how it ended: %j', (end, line) => {
    open().end(end);
    expect(lines).toMatchObject([line]);
  });

  it('ends as cancelled when its caller leaves, and has its work stopped', () => {
    const scope = open();
    const stop = jest.fn(() => expect(active).toBe(0));
    scope.whenCallerGone(stop);
    scope.enter();
    gone.abort();
    expect(scope.hasEnded).toBe(true);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(metrics.ended.mock.calls).toEqual([['tts', 'cancelled']]);
    expect(lines).toMatchObject([{ reason: 'disconnected' }]);
  });

  it('has ended when it opens for a caller who has left, and takes no slot', () => {
    gone.abort();
    const scope = open();
    const stop = jest.fn();
    scope.whenCallerGone(stop);
    scope.enter();
    expect([scope.hasEnded, active]).toEqual([true, 0]);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(metrics.ended.mock.calls).toEqual([['tts', 'cancelled']]);
  });

  it('takes one slot however often it enters, and may rest in between', () => {
    const scope = open();
    scope.enter();
    scope.enter();
    expect(active).toBe(1);
    scope.rest();
    scope.rest();
    expect(active).toBe(0);
    scope.enter();
    expect(active).toBe(1);
  });

  it('moves its slot to a newer admission, whose refusal costs it the slot', () => {
    let newer = 0;
    const admission: Admission = {
      keyId: 'key-1',
      enter: () => {
        if (newer === 1) throw new ProblemError('concurrency_limited');
        newer++;
        return () => void newer--;
      },
    };
    const scope = open();
    scope.enter();
    scope.moveTo(admission);
    expect([active, newer]).toEqual([0, 1]);
    const other = open();
    other.enter();
    expect(() => other.moveTo(admission)).toThrow('concurrency_limited');
    other.end({ outcome: 'error', problem: new ProblemError('concurrency_limited') });
    expect([active, newer]).toEqual([0, 1]);
  });

  it('takes a slot of the newer admission only when it next enters, and none after its end', () => {
    const scope = open();
    const admission = { keyId: 'key-1', enter };
    scope.moveTo(admission);
    expect(active).toBe(0);
    scope.enter();
    scope.end({ outcome: 'done' });
    scope.moveTo(admission);
    scope.enter();
    expect(active).toBe(0);
  });
});
