import type { AudioContainer } from '@app/speech/audio';
import type { ReceivedAudio } from './speech-track';

/** The containers that are decoded in a thread. */
export type CompressedContainer = Exclude<AudioContainer, 'wav' | 'raw-or-unknown'>;

/** What a thread knows when it starts. */
export interface ThreadTask {
  readonly container: CompressedContainer;
  readonly maxSeconds: number;
  readonly maxHeldBytes: number;
}

/** Messages to a thread. */
export type ThreadInput =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** No more bytes come. */
  | { readonly type: 'end' }
  /** One `audio` was used. */
  | { readonly type: 'room' };

/** Messages from a thread. Nothing follows `done` or `refused`. */
export type ThreadOutput =
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'audio'; readonly samples: Int16Array; readonly received: ReceivedAudio }
  | { readonly type: 'done' }
  /** `reason` is a sentence for the sender of the recording, without its full stop. */
  | { readonly type: 'refused'; readonly why: 'not supported' | 'too long'; readonly reason: string };
