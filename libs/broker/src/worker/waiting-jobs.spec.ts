import { ProblemError } from '@app/protocol';
import { WaitingJobs } from './waiting-jobs';

const stays = new AbortController().signal;

/** Waits, and writes down how it ended. */
async function outcome(wait: Promise<void>, name: string, to: string[]): Promise<void> {
  try {
    await wait;
    to.push(`${name} seated`);
  } catch (error) {
    to.push(`${name} ${(error as ProblemError).code}`);
  }
}

describe('WaitingJobs', () => {
  let jobs: WaitingJobs;
  let outcomes: string[];
  const wait = (name: string, rank: number, gone: AbortSignal = stays): void =>
    void outcome(jobs.wait(rank, gone), name, outcomes);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    [jobs, outcomes] = [new WaitingJobs(4), []];
  });

  it('seats those of the first class before the others, and within a class whoever came first', async () => {
    for (const [name, rank] of [['a', 1], ['b', 0], ['c', 1], ['d', 0]] as const) wait(name, rank); // prettier-ignore
    for (let seat = 0; seat < 4; seat += 1) {
      expect(jobs.seatNext()).toBe(true);
      await turn();
    }
    expect(outcomes).toEqual(['b seated', 'd seated', 'a seated', 'c seated']);
    expect(jobs.seatNext()).toBe(false);
  });

  it('gives no seat to one that has gone, before or while it waits', async () => {
    const gone = new AbortController();
    wait('left', 0, gone.signal);
    wait('stayed', 0);
    gone.abort();
    wait('came late', 0, gone.signal);
    jobs.seatNext();
    await turn();
    expect(outcomes).toEqual(['left cancelled', 'came late cancelled', 'stayed seated']);
  });

  it('leaves the others in line when one goes that has its seat', async () => {
    const gone = new AbortController();
    wait('seated', 0, gone.signal);
    wait('next', 0);
    jobs.seatNext();
    await turn();
    gone.abort();
    expect(jobs.seatNext()).toBe(true);
    await turn();
    expect(outcomes).toEqual(['seated seated', 'next seated']);
  });

  it('lets only so many wait', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) wait(name, 0);
    await turn();
    expect(outcomes).toEqual(['e worker_unavailable']);
  });

  it('refuses all that wait at once', async () => {
    wait('a', 0);
    wait('b', 1);
    jobs.refuseAll(new ProblemError('draining'));
    await turn();
    expect(outcomes).toEqual(['a draining', 'b draining']);
    expect(jobs.seatNext()).toBe(false);
  });
});
