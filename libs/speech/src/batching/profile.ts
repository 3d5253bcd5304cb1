import type { BatchingMode } from './batch-policy';

/** Every number that trades latency against throughput. */
export interface Tuning {
  /** Seats of a lane, and most steps in a batch. */
  readonly batchSize: number;
  readonly batching: BatchingMode;
  /** How long a step may wait for company under `always`. */
  readonly batchWaitMs: number;
  /** TTS: how long before the listener runs dry the next window is due, besides the time it takes. */
  readonly playbackMarginMs: number;
  /** TTS: how long a new request gives way to audio that is about to run dry, even if such audio never ends. */
  readonly startPatienceMs: number;
  /** STT: new audio between two partials of an utterance… */
  readonly partialIntervalMs: number;
  /** …and at least this share of the utterance so far, which bounds what partials of a long one cost. */
  readonly partialGrowth: number;
  /** STT: audio of an utterance before its first partial, with the 300 ms before its first sound. */
  readonly firstPartialMs: number;
  /** STT: silence that ends an utterance. */
  readonly endSilenceMs: number;
  /** STT: silence after which an open utterance is recognised as if it ended there, so that its final is ready when it does. */
  readonly eagerSilenceMs: number;
  /** STT: silence that the encoder hears after the speech. */
  readonly contextPaddingMs: number;
  /** STT: least audio and silence that the encoder hears; 30,000 is the whole context of a Whisper. */
  readonly encoderContextMs: number;
}

/** From the quickest answer to the most work done. */
export const profileNames = ['latency', 'balanced', 'throughput'] as const;
/** One of `profileNames`. */
export type ProfileName = (typeof profileNames)[number];

/** The named settings of the latency/throughput dial; each number can be overridden. */
export const profiles: Readonly<Record<ProfileName, Tuning>> = {
  latency: {
    batchSize: 4,
    batching: 'auto',
    batchWaitMs: 0,
    playbackMarginMs: 50,
    startPatienceMs: 8_000,
    partialIntervalMs: 300,
    partialGrowth: 0.06,
    firstPartialMs: 600,
    endSilenceMs: 400,
    eagerSilenceMs: 150,
    contextPaddingMs: 1_000,
    encoderContextMs: 0,
  },
  balanced: {
    batchSize: 8,
    batching: 'auto',
    batchWaitMs: 30,
    playbackMarginMs: 60,
    startPatienceMs: 8_000,
    partialIntervalMs: 500,
    partialGrowth: 0.1,
    firstPartialMs: 800,
    endSilenceMs: 500,
    eagerSilenceMs: 200,
    contextPaddingMs: 1_000,
    encoderContextMs: 0,
  },
  throughput: {
    batchSize: 16,
    batching: 'always',
    batchWaitMs: 50,
    playbackMarginMs: 200,
    startPatienceMs: 8_000,
    partialIntervalMs: 1_000,
    partialGrowth: 0.2,
    firstPartialMs: 1_200,
    endSilenceMs: 700,
    eagerSilenceMs: 400,
    contextPaddingMs: 1_000,
    encoderContextMs: 0,
  },
};

/** A profile with some of its numbers replaced; undefined leaves a number as it is, and what is no number of a profile is ignored. */
export function tuningOf(
  profile: ProfileName,
  overrides: { readonly [K in keyof Tuning]?: Tuning[K] | undefined },
): Tuning {
  const tuning = profiles[profile];
  const names = Object.keys(tuning) as (keyof Tuning)[];
  const given = names.flatMap((name) => (overrides[name] === undefined ? [] : [[name, overrides[name]] as const]));
  return { ...tuning, ...(Object.fromEntries(given) as Partial<Tuning>) };
}
