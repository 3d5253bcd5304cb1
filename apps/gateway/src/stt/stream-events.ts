import type { Offering } from '../catalogue/catalogue';
import type { WorkEnd } from '../scope/request-scope';
import type { Transcript } from './transcripts';

/** What an STT request comes to here. */
export interface SttSettings {
  readonly model: Offering;
  readonly language: string;
  readonly words: boolean;
  readonly pace: 'live' | 'upload';
}

/** The one end of an STT stream; `durationSeconds` is the length of its audio. */
export type SttEnd =
  { readonly outcome: 'done'; readonly durationSeconds: number } | Exclude<WorkEnd, { readonly outcome: 'done' }>;

/** What comes out of an STT stream, in order; `ended` is the last and comes once. */
export type SttEvent =
  | { readonly type: 'transcript'; readonly isFinal: boolean; readonly transcript: Transcript }
  /** Answers `finalize`, in order. */
  | { readonly type: 'flushed' }
  | ({ readonly type: 'ended' } & SttEnd);

/** The client of an STT stream, as its edge speaks to it. */
export interface SttClient {
  receive(event: SttEvent): void;
  /** There is room for audio again. */
  drained(): void;
}
