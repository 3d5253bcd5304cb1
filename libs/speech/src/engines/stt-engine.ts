import type { Engine } from './engine';

/** A part of some audio: from `startSample` up to, not including, `endSample`. */
export interface SampleSpan {
  readonly startSample: number;
  readonly endSample: number;
}

/** A recognised word and its place in the audio that was given. */
export interface RecognisedWord {
  readonly word: string;
  readonly startSample: number;
  readonly endSample: number;
}

/** What was heard in one utterance. */
export interface Recognition {
  /** Without leading or trailing space; empty when nothing was said. */
  readonly text: string;
  /** Empty unless asked for. */
  readonly words: readonly RecognisedWord[];
  readonly language: string;
  /** Mean natural log probability of the tokens. */
  readonly averageLogProbability: number;
  readonly noSpeechProbability: number;
  /** Whether the short context looped or was unsure, so that the whole one was used. */
  readonly fellBack: boolean;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/**
 * Feeds the next samples of a stream, in order, to the speech detector, which keeps its state under the id. Samples are mono,
 * -1 to 1, 16 kHz.
 */
export interface DetectStep {
  readonly op: 'detect';
  readonly id: string;
  readonly samples: Float32Array;
}

/** One probability for each `detectorFrameSamples` (512) of the stream; samples short of a frame wait for the next call. */
export interface DetectStepResult {
  readonly op: 'detect';
  readonly probabilities: readonly number[];
}

/** `detect`, or `transcribe`, which recognises up to 30 s that stand alone: mono, -1 to 1, 16 kHz. */
export type SttStep =
  | DetectStep
  | {
      readonly op: 'transcribe';
      readonly id: string;
      readonly samples: Float32Array;
      /** Primary tag; `auto` lets a multilingual model decide. */
      readonly language: string;
      readonly words: boolean;
      /** Where the detector found speech. If given, all of it is heard, also after a text that ended too early. */
      readonly speech?: readonly SampleSpan[];
    };

/** What the steps are answered with. */
export type SttStepResult = DetectStepResult | { readonly op: 'transcribe'; readonly recognition: Recognition };

/** An engine that hears. */
export type SttEngine = Engine<SttStep, SttStepResult>;

/** Samples that the speech detector judges at once: 32 ms. */
export const detectorFrameSamples = 512;
/** The rate of all audio that is recognised. */
export const sttSampleRateHz = 16_000;
