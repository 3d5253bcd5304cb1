import type { SttStep, SttStepResult } from '../../libs/speech/src/engines';
import type { StepDone, StepRequest } from '../../apps/inference/src/engine/engine-pool';

const frameSamples = 512;
const rateHz = 16_000;

interface Waiting {
  readonly request: StepRequest<SttStep>;
  resolve(done: StepDone<SttStepResult>): void;
  reject(error: Error): void;
}

/**
 * An engine for audio that says what it holds: silence is 0, and word N of a text is samples of value N / 1000. It is sure of
 * each frame with a word in it, and recognises the words. Recognitions can be held back.
 */
export class FakeSttSteps {
  /** Recognitions that ran: from which line, how many samples, with words or not. */
  readonly recognised: { line: string; samples: number; words: boolean; dueMs: number }[] = [];
  readonly dropped: string[] = [];
  readonly waiting: Waiting[] = [];
  detections = 0;
  /** Whether recognitions wait for `finish`. */
  holds = false;
  /** In place of what is heard. */
  noSpeech = false;
  failure: Error | undefined;
  private carry = new Float32Array(0);

  run(request: StepRequest<SttStep>): Promise<StepDone<SttStepResult>> {
    return new Promise((resolve, reject) => {
      const entry = { request, resolve, reject };
      this.waiting.push(entry);
      if (!this.holds || request.batchKey === 'detect') queueMicrotask(() => this.finish(entry));
    });
  }

  drop(id: string): void {
    this.dropped.push(id);
    this.reject(({ request }) => request.id === id);
  }

  dropLine(line: string): void {
    this.reject(({ request }) => request.line === line);
  }

  /** Lines of recognitions that wait. */
  get lines(): string[] {
    return this.waiting.flatMap(({ request }) => request.line ?? []);
  }

  /** Runs a step that waits: the given one, or the oldest. */
  finish(entry: Waiting | undefined = this.waiting[0]): void {
    const at = entry ? this.waiting.indexOf(entry) : -1;
    if (!entry || at < 0) return;
    this.waiting.splice(at, 1);
    const step = entry.request.make();
    if (step.op === 'transcribe') {
      const { line = '', dueMs } = entry.request;
      this.recognised.push({ line, samples: step.samples.length, words: step.words, dueMs });
      if (this.failure) return entry.reject(this.failure);
    } else this.detections += 1;
    const result: SttStepResult =
      step.op === 'detect' ? { op: 'detect', probabilities: this.detect(step.samples) } : this.recognise(step);
    entry.resolve({ result, opened: undefined, startedAtMs: 0, tookMs: 1, batchSize: 1 });
  }

  /** Runs what waits in a line. */
  finishLine(line: string): void {
    this.finish(this.waiting.find(({ request }) => request.line?.endsWith(line)));
  }

  private reject(matches: (entry: Waiting) => boolean): void {
    for (const entry of this.waiting.filter(matches)) {
      this.waiting.splice(this.waiting.indexOf(entry), 1);
      entry.reject(new Error('dropped'));
    }
  }

  private detect(samples: Float32Array): number[] {
    const joined = Float32Array.of(...this.carry, ...samples);
    const frames = Math.floor(joined.length / frameSamples);
    this.carry = joined.slice(frames * frameSamples);
    return Array.from({ length: frames }, (_, frame) =>
      joined.subarray(frame * frameSamples, (frame + 1) * frameSamples).some((sample) => sample !== 0) ? 0.9 : 0.05,
    );
  }

  private recognise({ samples, words }: Extract<SttStep, { op: 'transcribe' }>): SttStepResult {
    const heard: { word: string; startSample: number; endSample: number }[] = [];
    samples.forEach((sample, at) => {
      if (sample === 0) return;
      const word = `w${Math.round(sample * 1_000)}`;
      const last = heard.at(-1);
      if (last?.word === word) last.endSample = at + 1;
      else heard.push({ word, startSample: at, endSample: at + 1 });
    });
    return {
      op: 'transcribe',
      recognition: {
        text: this.noSpeech ? 'Thank you.' : heard.map(({ word }) => word).join(' '),
        words: words ? heard : [],
        language: 'en',
        averageLogProbability: this.noSpeech ? -1.5 : -0.2,
        noSpeechProbability: this.noSpeech ? 0.9 : 0.01,
        fellBack: false,
        encodeMs: 1,
        decodeMs: 1,
      },
    };
  }
}

/** A pause in seconds, or a word by its number and its seconds. */
export type SpokenPart = number | readonly [word: number, seconds: number];

/** Audio of words and pauses. */
export function spokenAudio(...parts: readonly SpokenPart[]): Float32Array {
  const pieces = parts.map((part) => {
    const [value, seconds] = typeof part === 'number' ? [0, part] : [part[0] / 1_000, part[1]];
    return new Float32Array(Math.round(seconds * rateHz)).fill(value);
  });
  const joined = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.reduce((at, piece) => (joined.set(piece, at), at + piece.length), 0);
  return joined;
}
