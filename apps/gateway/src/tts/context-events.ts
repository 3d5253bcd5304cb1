import type { ProblemError } from '@app/protocol';

/** Words or phonemes with their times, three arrays of equal length; seconds from the start of the context's audio. */
export interface Timestamps {
  readonly texts: readonly string[];
  readonly startSeconds: readonly number[];
  readonly endSeconds: readonly number[];
}

/** The one accounted end of a context. */
export type ContextEnd =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'error'; readonly problem: ProblemError }
  | { readonly outcome: 'cancelled'; readonly reason: CancelReason };

/** `client`: it asked to; `disconnected`: its connection ended; `expired`: it left an idle context; `draining`: this server stops. */
export type CancelReason = 'client' | 'disconnected' | 'expired' | 'draining';

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
  | ({ readonly type: 'ended' } & ContextEnd);
