import type { WorkEnd } from '../scope/request-scope';

/**
 * Words or phonemes with their times: three arrays of equal length, in seconds from the start of the context's audio.
 */
export interface Timestamps {
  readonly texts: readonly string[];
  readonly startSeconds: readonly number[];
  readonly endSeconds: readonly number[];
}

/** The events of a context, in order. `ended` is the last one and occurs once. */
export type ContextEvent =
  /**
   * Whole samples in the client's format. `flushId`: 1 plus the number of flushes before this audio. Absent until the
   * first flush.
   */
  | {
      readonly type: 'audio';
      readonly bytes: Buffer;
      readonly flushId: number | undefined;
      readonly stepTimeMs: number;
    }
  | { readonly type: 'words'; readonly timestamps: Timestamps }
  | { readonly type: 'phonemes'; readonly timestamps: Timestamps }
  /** All audio before this flush has been sent. */
  | { readonly type: 'flushed'; readonly flushId: number }
  | ({ readonly type: 'ended' } & WorkEnd);

/** The receiver of the events of a context. */
export interface ContextClient {
  receive(event: ContextEvent): void;
  /** Whether the client has not read all that was sent. Call `TtsContext.wake` when it has. */
  readonly backlogged: boolean;
}
