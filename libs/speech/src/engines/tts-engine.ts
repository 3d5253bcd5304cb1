import type { Engine } from './engine';

/** The input of a text-to-speech engine for one utterance. Equal values give equal samples. */
export interface Utterance {
  readonly text: string;
  readonly voice: string;
  readonly seed: number;
  /** Relative pace: 1 is the voice's own, 2 is twice as fast. */
  readonly speed: number;
  /** Frames per phoneme of an earlier attempt. A failover passes them so that the length cannot change. */
  readonly durations?: readonly number[];
}

/** A word as it is written in the text, with its position in the utterance's audio. */
export interface WordSpan {
  readonly word: string;
  readonly startSample: number;
  readonly endSample: number;
}

/** A phoneme (IPA), with its position in the utterance's audio. */
export interface PhonemeSpan {
  readonly phoneme: string;
  readonly startSample: number;
  readonly endSample: number;
}

/** A piece of the utterance's audio that is made in one step: samples [startSample, endSample). */
export interface Window {
  readonly startSample: number;
  readonly endSample: number;
}

/** The result of encoding an utterance: its exact length, its windows in order, and its words. */
export interface UtterancePlan {
  readonly durations: readonly number[];
  readonly totalSamples: number;
  readonly windows: readonly Window[];
  readonly words: readonly WordSpan[];
  readonly phonemes: readonly PhonemeSpan[];
  /** Milliseconds spent on phonemes, and in the encoder. */
  readonly frontendMs: number;
  readonly encodeMs: number;
}

/**
 * `encode` opens an utterance under its id. `decode` makes one of its windows. Windows can be decoded in any order and
 * more than once.
 */
export type TtsStep =
  | { readonly op: 'encode'; readonly id: string; readonly utterance: Utterance }
  | { readonly op: 'decode'; readonly id: string; readonly window: number };

/** Samples are mono, -1 to 1, at the engine's sample rate, and as many as the window has. */
export type TtsStepResult =
  { readonly op: 'encode'; readonly plan: UtterancePlan } | { readonly op: 'decode'; readonly samples: Float32Array };

/** A text-to-speech engine. */
export type TtsEngine = Engine<TtsStep, TtsStepResult>;
