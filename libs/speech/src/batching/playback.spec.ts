import { Playback } from './playback';

const rate = 1_000;
const window = (startSample: number, endSample: number) => ({ startSample, endSample });
const playback = (over: Partial<ConstructorParameters<typeof Playback>[0]> = {}): Playback =>
  new Playback({ startedAtMs: 500, bufferedMs: 0, marginMs: 100, startPatienceMs: 400, ...over });

describe('Playback', () => {
  it('has somebody wait for the beginning who hears nothing, with some patience', () => {
    expect(playback().first).toEqual({ dueMs: 900, awaited: true });
  });

  it('lets the beginning wait while earlier audio of the context plays, but not to its very end', () => {
    expect(playback({ bufferedMs: 3_000 }).first).toEqual({ dueMs: 3_200, awaited: false });
  });

  it('does not treat a request whose audio still plays as a new request', () => {
    expect(playback({ bufferedMs: 80 }).first).toEqual({ dueMs: 280, awaited: false });
  });

  it('makes a later window due a margin, and the time it takes, before its first sample is played', () => {
    const begun = playback();
    begun.sent(0, 540);
    expect(begun.due(window(250, 750), rate)).toEqual({ dueMs: 540 + 250 - 100 - 50, awaited: false });
  });

  it('plays after what was unplayed, however early its first audio left', () => {
    const begun = playback({ bufferedMs: 1_000 });
    begun.sent(0, 540);
    expect(begun.due(window(250, 750), rate).dueMs).toBe(1_600);
  });

  it('counts from the sample at which a failover begins', () => {
    const begun = playback({ marginMs: 0 });
    begun.sent(2_000, 530);
    expect(begun.due(window(2_500, 2_500), rate).dueMs).toBe(1_030);
  });

  it('starts to play once only', () => {
    const begun = playback({ marginMs: 0 });
    begun.sent(0, 530);
    begun.sent(100, 900);
    expect(begun.due(window(100, 100), rate).dueMs).toBe(630);
  });

  it('knows no more of a window than of the beginning before anything left', () => {
    expect(playback().due(window(250, 750), rate)).toEqual(playback().first);
  });
});
