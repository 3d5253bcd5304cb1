/** The limits of the decoding of recordings. */
export interface DecodingLimits {
  /** Longest recording, in seconds of audio. */
  readonly maxSeconds: number;
  /** Most compressed recordings that are decoded at the same time, half of them for one owner. Others wait. */
  readonly maxThreads: number;
  /** Longest time that a compressed recording waits for others, in milliseconds. */
  readonly maxWaitMs: number;
  /** Largest MP4 file whose index is behind its audio, in bytes. Such a file is held in memory. */
  readonly maxHeldBytes: number;
}

/** Thrown when a recording is longer than the limit. */
export class RecordingTooLong extends Error {
  override readonly name = 'RecordingTooLong';

  constructor(maxSeconds: number) {
    super(`The recording is longer than ${maxSeconds} s. Send it in parts`);
  }
}
