import type { SttOutput } from '../../libs/protocol/src';
import { Endpointer } from '../../libs/speech/src/engines';
import { SttStream, type SttStreamSettings } from '../../apps/inference/src/stt/stt-stream';
import { FakeSttSteps, spokenAudio, type SpokenPart } from './fake-stt-steps';

const tuning = { firstPartialMs: 600, partialIntervalMs: 500, partialGrowth: 0.1, eagerSilenceMs: 200 };

/** Lets everything that was decided happen. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An STT stream on the fake engine, with all that it said and how it ended. */
export class Conversation {
  readonly steps = new FakeSttSteps();
  readonly outputs: SttOutput[] = [];
  readonly stream: SttStream;
  outcome: unknown = 'open';
  private at: number;

  constructor(over: Partial<SttStreamSettings> = {}) {
    this.at = over.offsetSamples ?? 0;
    const settings = {
      id: 's',
      offsetSamples: 0,
      language: 'en',
      words: true,
      now: () => 0,
      tuning,
      partials: true,
      ...over,
    };
    this.stream = new SttStream(settings, this.steps, new Endpointer(), ({ output }) => {
      this.outputs.push(output);
    });
    this.stream.done.then(
      () => (this.outcome = 'ended'),
      (error: unknown) => (this.outcome = error),
    );
  }

  /** Sends audio in pieces of 100 ms, each heard before the next. */
  async hear(...parts: readonly SpokenPart[]): Promise<this> {
    const samples = spokenAudio(...parts);
    for (let from = 0; from < samples.length; from += 1_600) {
      const piece = samples.subarray(from, from + 1_600);
      this.stream.push(this.at, piece);
      this.at += piece.length;
      await turn();
    }
    return this;
  }

  async close(): Promise<this> {
    this.stream.close();
    await turn();
    return this;
  }

  of<T extends SttOutput['type']>(type: T): Extract<SttOutput, { type: T }>[] {
    return this.outputs.filter((output): output is Extract<SttOutput, { type: T }> => output.type === type);
  }

  get texts(): string[] {
    return this.of('final').map(({ text }) => text);
  }
}
