import { ProblemError } from '@app/protocol';
import { ThreadPlaces } from './thread-places';

describe('ThreadPlaces', () => {
  let begun: string[];
  let places: ThreadPlaces;

  beforeEach(() => {
    jest.useFakeTimers();
    begun = [];
    places = new ThreadPlaces({ maxThreads: 4, maxWaitMs: 1_000 });
  });
  afterEach(() => jest.useRealTimers());

  /** Takes a place. `release` works once there is one. */
  function take(
    owner: string,
    signal = new AbortController().signal,
  ): { release(): void; readonly problem: Promise<string | undefined> } {
    let release = (): void => undefined;
    const taken = places.take(owner, signal).then((giveBack) => {
      begun.push(owner);
      release = giveBack;
      return undefined;
    });
    return { release: () => release(), problem: taken.catch((error: unknown) => ProblemError.from(error).code) };
  }
  const settled = (): Promise<void> => jest.advanceTimersByTimeAsync(0).then(() => undefined);

  it('leave half of them to others, however many recordings one owner sends', async () => {
    const greedy = Array.from({ length: 50 }, () => take('greedy'));
    take('modest');
    await settled();
    expect(begun).toEqual(['greedy', 'greedy', 'modest']);
    greedy[0]?.release();
    await settled();
    expect(begun).toEqual(['greedy', 'greedy', 'modest', 'greedy']);
  });

  it('go to the owner with the fewest threads, then to the one who came first', async () => {
    const held = ['a', 'a', 'b', 'b'].map((owner) => take(owner));
    for (const owner of ['a', 'c', 'd']) take(owner);
    await settled();
    for (const one of held) one.release();
    await settled();
    expect(begun.slice(4)).toEqual(['c', 'a', 'd']);
  });

  it('are given back once, whatever is called twice', async () => {
    const held = ['a', 'a', 'b', 'b'].map((owner) => take(owner));
    for (const owner of ['c', 'd']) take(owner);
    await settled();
    held[0]?.release();
    held[0]?.release();
    await settled();
    expect(begun).toHaveLength(5);
  });

  it('are not kept for one who has gone', async () => {
    const held = ['a', 'a'].map((owner) => take(owner));
    const gone = new AbortController();
    const waiting = take('a', gone.signal);
    take('a');
    await settled();
    gone.abort();
    expect(await waiting.problem).toBe('cancelled');
    expect(await take('b', gone.signal).problem).toBe('cancelled');
    held[0]?.release();
    await settled();
    expect(begun).toEqual(['a', 'a', 'a']);
  });

  it('make nobody wait for ever', async () => {
    for (let number = 0; number < 2; number++) take('a');
    const waiting = take('a');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await waiting.problem).toBe('worker_unavailable');
    expect(jest.getTimerCount()).toBe(0);
  });
});
