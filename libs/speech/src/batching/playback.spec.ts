import { Playback } from './playback';

const rate = 1_000;

describe('Playback', () => {
  it('makes the beginning due at once when the listener hears nothing', () => {
    const playback = new Playback({ startedAtMs: 500, bufferedMs: 0, marginMs: 100 });
    expect(playback.firstDueMs).toBe(500);
  });

  it('lets the beginning wait while earlier audio of the context plays, but not to its very end', () => {
    const playback = new Playback({ startedAtMs: 500, bufferedMs: 3_000, marginMs: 100 });
    expect(playback.firstDueMs).toBe(3_400);
  });

  it('makes a later window due a margin before its first sample is played', () => {
    const playback = new Playback({ startedAtMs: 0, bufferedMs: 0, marginMs: 100 });
    playback.sent(0, 40);
    expect(playback.dueMs(250, rate)).toBe(40 + 250 - 100);
  });

  it('plays after what was unplayed, however early its first audio left', () => {
    const playback = new Playback({ startedAtMs: 0, bufferedMs: 1_000, marginMs: 100 });
    playback.sent(0, 40);
    expect(playback.dueMs(250, rate)).toBe(1_150);
  });

  it('counts from the sample at which a take-over begins', () => {
    const playback = new Playback({ startedAtMs: 0, bufferedMs: 0, marginMs: 0 });
    playback.sent(2_000, 30);
    expect(playback.dueMs(2_500, rate)).toBe(530);
  });

  it('starts to play once only', () => {
    const playback = new Playback({ startedAtMs: 0, bufferedMs: 0, marginMs: 0 });
    playback.sent(0, 30);
    playback.sent(100, 900);
    expect(playback.dueMs(100, rate)).toBe(130);
  });

  it('ranks a newcomer before audio that can wait, and behind audio about to run dry', () => {
    const speaking = new Playback({ startedAtMs: 0, bufferedMs: 0, marginMs: 100 });
    speaking.sent(0, 0);
    const newcomerDueMs = new Playback({ startedAtMs: 300, bufferedMs: 0, marginMs: 100 }).firstDueMs;
    expect(speaking.dueMs(350, rate)).toBeLessThan(newcomerDueMs);
    expect(speaking.dueMs(2_000, rate)).toBeGreaterThan(newcomerDueMs);
  });
});
