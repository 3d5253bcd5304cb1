import type { WorkEnd } from '../scope/request-scope';

/** Words or phonemes with their times, three arrays of equal length; seconds from the start of the context's audio. */
export interface Timestamps {
  readonly texts: readonly string[];
  readonly startSeconds: readonly number[];
  readonly endSeconds: readonly number[];
}

/** What comes out of a context, in order; `ended` is the last and comes once. */
export type ContextEvent =
  /** Whole samples in the wanted format. `flushId`: how many flushes lie before it plus one, once a flush was used. */
  | {
      readonly type: 'audio';
      readonly bytes: Buffer;
      readonly flushId: number | undefined;
      readonly stepTimeMs: number;
    }
  | { readonly type: 'words'; readonly timestamps: Timestamps }
  | { readonly type: 'phonemes'; readonly timestamps: Timestamps }
  /** Everything before this flush was sent. */
  | { readonly type: 'flushed'; readonly flushId: number }
  | ({ readonly type: 'ended' } & WorkEnd);

/** The client of a context, as its edge speaks to it. */
export interface ContextClient {
  receive(event: ContextEvent): void;
  /** Whether it has yet to take what was sent; `TtsContext.wake` says when it has. */
  readonly backlogged: boolean;
}
