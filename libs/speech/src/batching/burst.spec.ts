import type { BatchPolicy } from './batch-policy';
import { Playback } from './playback';
import { profileNames, profiles, type Tuning } from './profile';
import { chooseBatch, type QueuedStep } from './step-scheduler';

const policy: BatchPolicy = { batching: 'auto', maxBatch: 8, batchWaitMs: 0, batchesGain: false };
/** Times of a slow core. */
const encodeMs = 60;
const firstWindowMs = 15;
const windowMs = 40;
/** One sample a millisecond, so that samples and milliseconds are the same numbers. */
const rateHz = 1_000;
const windowSamples = 500;

interface SimulatedStep extends QueuedStep {
  readonly takesMs: number;
  done(nowMs: number): void;
}

/** One engine and a simulated clock. */
class Engine {
  nowMs = 0;
  private queue: SimulatedStep[] = [];
  private arrivals: { readonly atMs: number; arrive(): void }[] = [];

  add(step: SimulatedStep): void {
    this.queue.push(step);
  }

  at(atMs: number, arrive: () => void): void {
    this.arrivals.push({ atMs, arrive });
    this.arrivals.sort((a, b) => a.atMs - b.atMs);
  }

  runToTheEnd(): void {
    while (this.queue.length > 0 || this.arrivals.length > 0) {
      if (this.queue.length === 0) this.nowMs = Math.max(this.nowMs, this.arrivals[0]?.atMs ?? 0);
      while (this.arrivals[0] && this.arrivals[0].atMs <= this.nowMs) this.arrivals.shift()?.arrive();
      const decision = chooseBatch(this.queue, this.nowMs, policy);
      if (!('run' in decision)) continue;
      this.queue = this.queue.filter((step) => !decision.run.includes(step));
      for (const step of decision.run) {
        this.nowMs += step.takesMs;
        step.done(this.nowMs);
      }
    }
  }
}

/** Utterances of a listener, and how long that listener heard nothing between them. */
class Listener {
  dryMs = 0;
  firstAudioAtMs: number | undefined;
  private playedUntilMs: number | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly name: string,
    private readonly tuning: Tuning,
  ) {}

  /** Speaks so many windows; the next utterance is asked for when half of this one is made. */
  speak(windows: number, utterances = 1, bufferedMs = 0): void {
    const id = `${this.name}-${utterances}`;
    const playback = new Playback({
      startedAtMs: this.engine.nowMs,
      bufferedMs,
      marginMs: this.tuning.playbackMarginMs,
      startPatienceMs: this.tuning.startPatienceMs,
    });
    const add = (takesMs: number, due: object, done: (nowMs: number) => void): void =>
      this.engine.add({ id, queuedAtMs: this.engine.nowMs, dueMs: 0, ...due, takesMs, done });
    const laterWindow = (index: number): void => {
      const window = { startSample: index * windowSamples, endSample: (index + 1) * windowSamples };
      add(windowMs, playback.due(window, rateHz), (nowMs) => {
        this.hear(nowMs);
        if (index === Math.floor(windows / 2) && utterances > 1) {
          this.speak(windows, utterances - 1, this.bufferedMs(nowMs) + (windows - index - 1) * windowSamples);
        }
      });
    };
    add(encodeMs, playback.first, () =>
      add(firstWindowMs, playback.first, (nowMs) => {
        this.hear(nowMs);
        playback.sent(0, nowMs);
        for (let index = 1; index < windows; index += 1) laterWindow(index);
      }),
    );
  }

  private bufferedMs(nowMs: number): number {
    return Math.max(0, (this.playedUntilMs ?? nowMs) - nowMs);
  }

  private hear(nowMs: number): void {
    this.firstAudioAtMs ??= nowMs;
    const playedUntilMs = this.playedUntilMs ?? nowMs;
    this.dryMs += Math.max(0, nowMs - playedUntilMs);
    this.playedUntilMs = Math.max(nowMs, playedUntilMs) + windowSamples;
  }
}

/** A listener of five utterances, and so many others who come at once in the middle of the first. */
function burst(newRequests: number, tuning: Tuning): { running: Listener; others: Listener[] } {
  const engine = new Engine();
  const running = new Listener(engine, 'running', tuning);
  const others = Array.from({ length: newRequests }, (_, index) => new Listener(engine, `other-${index}`, tuning));
  engine.at(0, () => running.speak(6, 5));
  engine.at(300, () => others.forEach((other) => other.speak(1)));
  engine.runToTheEnd();
  return { running, others };
}

describe.each(profileNames)('a burst of 80 new requests beside one that plays, with the profile %s', (name) => {
  const { running, others } = burst(80, profiles[name]);

  it('leaves nobody dry who was listening, within an utterance or between two', () => {
    expect(running.dryMs).toBe(0);
  });

  it('serves all new requests in the order of arrival', () => {
    const firstAudio = others.map(({ firstAudioAtMs }) => firstAudioAtMs ?? Infinity);
    expect(firstAudio).toEqual([...firstAudio].sort((a, b) => a - b));
    expect(firstAudio.at(-1)).toBeLessThan(80 * (encodeMs + firstWindowMs) + 5 * 6 * windowMs + 1_000);
  });
});
