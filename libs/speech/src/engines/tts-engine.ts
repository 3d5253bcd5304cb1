import type { Engine } from './engine';

/** What a text-to-speech engine needs to know of an utterance; the same values give the same samples. */
export interface Utterance {
  readonly text: string;
  readonly voice: string;
  readonly language: string;
  readonly seed: number;
  /** 1 is the voice's own pace, 2 twice as fast. */
  readonly speed: number;
  /** Frames per phoneme of an earlier attempt; given at a take-over so that the length cannot change. */
  readonly durations?: readonly number[];
}

/** A word of the utterance as it stands in the text, with its place in the utterance's audio. */
export interface WordSpan {
  readonly word: string;
  readonly startSample: number;
  readonly endSample: number;
}

/** A phoneme (IPA) and its place in the utterance's audio. */
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

/** What is known once an utterance is encoded: its exact length, its windows in order, its words. */
export interface UtterancePlan {
  readonly durations: readonly number[];
  readonly totalSamples: number;
  readonly windows: readonly Window[];
  readonly words: readonly WordSpan[];
  readonly phonemes: readonly PhonemeSpan[];
  /** Time spent making phonemes, and in the encoder. */
  readonly frontendMs: number;
  readonly encodeMs: number;
}

/** `encode` opens an utterance under its id; `decode` makes one of its windows, in any order, as often as asked. */
export type TtsStep =
  | { readonly op: 'encode'; readonly id: string; readonly utterance: Utterance }
  | { readonly op: 'decode'; readonly id: string; readonly window: number };

/** Samples are mono, -1 to 1, at the engine's rate, exactly as long as the window. */
export type TtsStepResult =
  { readonly op: 'encode'; readonly plan: UtterancePlan } | { readonly op: 'decode'; readonly samples: Float32Array };

/** An engine that speaks. */
export type TtsEngine = Engine<TtsStep, TtsStepResult>;
