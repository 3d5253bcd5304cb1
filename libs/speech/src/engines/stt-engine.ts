import type { Engine } from './engine';

/** A part of some audio: [startSample, endSample). */
export interface SampleSpan {
  readonly startSample: number;
  readonly endSample: number;
}

/** A recognised word and its position in the given audio. */
export interface RecognisedWord {
  readonly word: string;
  readonly startSample: number;
  readonly endSample: number;
}

/** The result of recognising one utterance. */
export interface Recognition {
  /** Without leading or trailing space; empty when nothing was said. */
  readonly text: string;
  /** Empty unless asked for. */
  readonly words: readonly RecognisedWord[];
  readonly language: string;
  /** Mean natural log probability of the tokens. */
  readonly averageLogProbability: number;
  readonly noSpeechProbability: number;
  /** Whether the whole context was used because the result of the short one repeated itself or was uncertain. */
  readonly fellBack: boolean;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/**
 * Feeds the next samples of a stream, in order, to the speech detector. The detector keeps its state under the id.
 * Samples are mono, -1 to 1, 16 kHz.
 */
export interface DetectStep {
  readonly op: 'detect';
  readonly id: string;
  readonly samples: Float32Array;
}

/**
 * One probability for each `detectorFrameSamples` (512) of the stream. Samples that do not fill a frame wait for the
 * next call.
 */
export interface DetectStepResult {
  readonly op: 'detect';
  readonly probabilities: readonly number[];
}

/** `detect`, or `transcribe`, which recognises one recording of up to 30 s: mono, -1 to 1, 16 kHz. */
export type SttStep =
  | DetectStep
  | {
      readonly op: 'transcribe';
      readonly id: string;
      readonly samples: Float32Array;
      /** Primary language tag. With `auto`, a multilingual model detects the language. */
      readonly language: string;
      readonly words: boolean;
      /**
       * The parts in which the detector found speech. If given, the engine recognises all of them, even if the decoder
       * ends too early.
       */
      readonly speech?: readonly SampleSpan[];
    };

/** The result of an STT step. */
export type SttStepResult = DetectStepResult | { readonly op: 'transcribe'; readonly recognition: Recognition };

/** A speech-to-text engine. */
export type SttEngine = Engine<SttStep, SttStepResult>;

/** Number of samples that the speech detector judges at once: 32 ms. */
export const detectorFrameSamples = 512;
