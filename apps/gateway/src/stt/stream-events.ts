import type { Offering } from '../catalogue/catalogue';
import type { WorkEnd } from '../scope/request-scope';
import type { Transcript } from './transcripts';

/** The settings of an STT request. */
export interface SttSettings {
  readonly model: Offering;
  readonly language: string;
  readonly words: boolean;
  readonly pace: 'live' | 'upload';
}

/** The one end of an STT stream. `durationSeconds` is the length of its audio. */
export type SttEnd =
  { readonly outcome: 'done'; readonly durationSeconds: number } | Exclude<WorkEnd, { readonly outcome: 'done' }>;

/** The events of an STT stream, in order. `ended` is the last one and occurs once. */
export type SttEvent =
  | { readonly type: 'transcript'; readonly isFinal: boolean; readonly transcript: Transcript }
  /** The answer to `finalize`, in order. */
  | { readonly type: 'flushed' }
  | ({ readonly type: 'ended' } & SttEnd);

/** The receiver of the events of an STT stream. */
export interface SttClient {
  receive(event: SttEvent): void;
  /** Called when there is room for audio again. */
  drained(): void;
}
