import type { BatchPolicy } from './batch-policy';
import { chooseBatch, type BatchDecision, type QueuedStep } from './step-scheduler';

interface NamedStep extends QueuedStep {
  readonly name: string;
}

const policy = (over: Partial<BatchPolicy> = {}): BatchPolicy => ({
  batching: 'auto',
  maxBatch: 4,
  batchWaitMs: 10,
  batchesGain: false,
  ...over,
});

const step = (name: string, dueMs: number, over: Partial<NamedStep> = {}): NamedStep => ({
  name,
  id: name,
  batchKey: 'window',
  queuedAtMs: 0,
  dueMs,
  ...over,
});

const namesOf = (decision: BatchDecision<NamedStep>): string[] | number =>
  'run' in decision ? decision.run.map(({ name }) => name) : decision.waitMs;

describe('chooseBatch', () => {
  it('waits for a new step when the queue is empty', () => {
    expect(chooseBatch([], 0, policy())).toEqual({ waitMs: Infinity });
  });

  it('runs what is due first, whatever was queued first', () => {
    expect(namesOf(chooseBatch([step('late', 500), step('soon', 20), step('later', 900)], 0, policy()))).toEqual([
      'soon',
    ]);
  });

  it('runs steps that are due at the same time in the order they were queued', () => {
    const queue = [step('second', 5, { queuedAtMs: 2 }), step('first', 5, { queuedAtMs: 1 })];
    expect(namesOf(chooseBatch(queue, 10, policy()))).toEqual(['first']);
  });

  it('runs what is only nice to have when nothing else waits, oldest first', () => {
    const nice = (name: string, queuedAtMs: number) => step(name, Infinity, { queuedAtMs });
    expect(namesOf(chooseBatch([nice('b', 2), nice('a', 1)], 10, policy()))).toEqual(['a']);
    expect(namesOf(chooseBatch([nice('b', 2), step('due', 1_000)], 10, policy()))).toEqual(['due']);
  });

  it('runs what somebody waits for in silence before what can wait, and after what is about to be late', () => {
    const newRequest = step('new request', 400, { awaited: true });
    const relaxed = step('relaxed', 150);
    expect(namesOf(chooseBatch([relaxed, newRequest], 100, policy()))).toEqual(['new request']);
    expect(namesOf(chooseBatch([newRequest, relaxed], 150, policy()))).toEqual(['relaxed']);
  });

  it('runs a new request that has waited long enough before what became due after it did', () => {
    const newRequest = step('new request', 400, { awaited: true });
    expect(namesOf(chooseBatch([step('window', 410), newRequest], 450, policy()))).toEqual(['new request']);
    expect(namesOf(chooseBatch([step('window', 390), newRequest], 450, policy()))).toEqual(['window']);
  });

  it('runs new requests in the order of arrival', () => {
    const queue = [step('second', 402, { awaited: true }), step('first', 401, { awaited: true })];
    expect(namesOf(chooseBatch(queue, 10, policy()))).toEqual(['first']);
  });

  it('keeps the steps of an id in order, even when a later one is due sooner', () => {
    const queue = [step('one', 900, { id: 'u' }), step('two', 1, { id: 'u' }), step('other', 950)];
    expect(namesOf(chooseBatch(queue, 0, policy()))).toEqual(['one']);
  });

  describe('with batching off, or auto where batches gain nothing', () => {
    it.each<Partial<BatchPolicy>>([
      { batching: 'off', batchesGain: true },
      { batching: 'auto', batchesGain: false },
      { batching: 'always', maxBatch: 1 },
    ])('runs one step at once (%o)', (over) => {
      expect(namesOf(chooseBatch([step('a', 1), step('b', 2)], 0, policy(over)))).toEqual(['a']);
    });
  });

  describe('with batching auto where batches gain', () => {
    const gains = policy({ batchesGain: true, maxBatch: 3 });

    it('takes what waits with the key of the most urgent step, most urgent first, and waits for nobody', () => {
      const queue = [step('c', 30), step('x', 2, { batchKey: 'other' }), step('b', 20), step('a', 1)];
      expect(namesOf(chooseBatch(queue, 0, gains))).toEqual(['a', 'b', 'c']);
      expect(namesOf(chooseBatch([step('alone', 1)], 0, gains))).toEqual(['alone']);
    });

    it('never takes more than the largest batch', () => {
      const queue = [1, 2, 3, 4, 5].map((due) => step(String(due), due));
      expect(namesOf(chooseBatch(queue, 0, gains))).toEqual(['1', '2', '3']);
    });

    it('takes at most one step of an id', () => {
      const queue = [step('a1', 1, { id: 'a' }), step('a2', 2, { id: 'a' }), step('b1', 3, { id: 'b' })];
      expect(namesOf(chooseBatch(queue, 0, gains))).toEqual(['a1', 'b1']);
    });

    it('runs a step without a key alone', () => {
      const queue = [step('e1', 1, { batchKey: undefined }), step('e2', 2, { batchKey: undefined })];
      expect(namesOf(chooseBatch(queue, 0, gains))).toEqual(['e1']);
    });
  });

  describe('with batching always', () => {
    const always = policy({ batching: 'always', maxBatch: 3, batchWaitMs: 10 });

    it('waits for company only as long as the policy says', () => {
      const queue = [step('a', 0, { queuedAtMs: 100 })];
      expect(namesOf(chooseBatch(queue, 104, always))).toBe(6);
      expect(namesOf(chooseBatch(queue, 110, always))).toEqual(['a']);
    });

    it('waits for nobody once the batch is full', () => {
      const queue = ['a', 'b', 'c'].map((name) => step(name, 0, { queuedAtMs: 100 }));
      expect(namesOf(chooseBatch(queue, 100, always))).toEqual(['a', 'b', 'c']);
    });

    it('waits for nobody once everybody who could join has', () => {
      const queue = [step('a', 0, { queuedAtMs: 100 }), step('b', 1, { queuedAtMs: 100 })];
      expect(namesOf(chooseBatch(queue, 100, always, 2))).toEqual(['a', 'b']);
      expect(namesOf(chooseBatch(queue, 100, always, 3))).toBe(10);
    });

    it('does not make a step without a key wait', () => {
      expect(namesOf(chooseBatch([step('e', 0, { batchKey: undefined, queuedAtMs: 100 })], 100, always))).toEqual([
        'e',
      ]);
    });

    it('counts the wait of a batch from its oldest step', () => {
      const queue = [step('a', 0, { queuedAtMs: 107 }), step('b', 1, { queuedAtMs: 101 })];
      expect(namesOf(chooseBatch(queue, 108, always))).toBe(3);
    });

    it('runs a batch that is ready rather than idle beside one that is not', () => {
      const queue = [step('young', 0, { queuedAtMs: 100 }), step('old', 50, { queuedAtMs: 80, batchKey: 'other' })];
      expect(namesOf(chooseBatch(queue, 100, always))).toEqual(['old']);
    });

    it('runs the largest of the batches that are ready, so that those ahead wait for those behind', () => {
      const behind = ['a', 'b'].map((name) => step(name, 50, { queuedAtMs: 80 }));
      const queue = [step('ahead', 0, { queuedAtMs: 80, batchKey: 'other' }), ...behind];
      expect(namesOf(chooseBatch(queue, 100, always))).toEqual(['a', 'b']);
    });

    it('runs a step without a key before batches, since what follows it can be shared', () => {
      const queue = [step('a', 0), step('b', 1), step('encode', 50, { batchKey: undefined, queuedAtMs: 100 })];
      expect(namesOf(chooseBatch(queue, 100, always))).toEqual(['encode']);
    });

    it('lets larger batches overtake for a bounded time only', () => {
      const queue = [
        ...['a', 'b'].map((name) => step(name, 50, { queuedAtMs: 380 })),
        step('old', 60, { batchKey: 'other', queuedAtMs: 180 }),
      ];
      expect(namesOf(chooseBatch(queue, 380, always, 2))).toEqual(['a', 'b']);
      expect(namesOf(chooseBatch(queue, 381, always, 2))).toEqual(['old']);
    });

    it('waits for whichever batch is ready first', () => {
      const queue = [step('young', 0, { queuedAtMs: 100 }), step('older', 50, { queuedAtMs: 97, batchKey: 'other' })];
      expect(namesOf(chooseBatch(queue, 100, always))).toBe(7);
    });
  });

  it('starves nobody: under a steady flood of urgent steps each step runs within a bound', () => {
    // One engine, 10 ms a step, and a new request that is due at once every 10 ms: no spare time at all.
    const patient = step('patient', 200);
    let queue: NamedStep[] = [patient];
    for (let now = 0; now <= 1_000; now += 10) {
      queue.push(step(`new-${now}`, now, { queuedAtMs: now }));
      const decision = chooseBatch(queue, now, policy());
      const ran = 'run' in decision ? decision.run : [];
      if (ran.includes(patient)) {
        expect(now).toBeLessThanOrEqual(220);
        return;
      }
      queue = queue.filter((waiting) => !ran.includes(waiting));
    }
    throw new Error('it never ran');
  });

  it('leaves the queue as it was', () => {
    const queue = [step('b', 2), step('a', 1)];
    const before = [...queue];
    chooseBatch(queue, 0, policy({ batching: 'always' }));
    expect(queue).toEqual(before);
  });
});
