import type { ContextEvent } from '../../src/tts/context-events';
import { TtsContext, type ContextLimits } from '../../src/tts/tts-context';
import type { TtsSettings } from '../../src/tts/tts-request';
import { contextSettings, ScriptedJobs } from './scripted-jobs';
import { mockMetrics, testScope, type TestScope } from './test-scope';

const limits: ContextLimits = { aheadMs: 5_000, heldMs: 5_000, expiryMs: 60_000, maxCharacters: 10_000 };

/** Contexts of one client, on a bus on which the test plays the worker. */
export class ContextUnderTest {
  readonly jobs = new ScriptedJobs();
  readonly metrics = mockMetrics();
  /** All that came out, in order; and when, on the clock of `performance.now`. */
  readonly events: ContextEvent[] = [];
  readonly times: number[] = [];
  /** Concurrency slots that are taken. */
  active = 0;
  backlogged = false;

  open(settings: Partial<TtsSettings> = {}, scope: TestScope = {}, bounds: Partial<ContextLimits> = {}): TtsContext {
    const { jobs, metrics } = this;
    const all = { ...contextSettings, ...settings };
    return new TtsContext(testScope({ jobs, metrics, enter: () => this.enter(), ...scope }), all, this, {
      ...limits,
      ...bounds,
    });
  }

  receive(event: ContextEvent): void {
    this.events.push(event);
    this.times.push(performance.now());
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  get sentBytes(): number {
    return this.events.reduce((sum, event) => sum + (event.type === 'audio' ? event.bytes.length : 0), 0);
  }

  /** Lets what was published arrive. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  private enter(): () => void {
    this.active++;
    return () => void this.active--;
  }
}

/** A text of four sentences. */
export const fourSentences =
  'This is sentence one. This is sentence two. This is sentence three. This is sentence four.';
