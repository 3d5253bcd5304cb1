import type { Transcript } from './transcripts';

/** A transcript in the format of the socket API. */
export const transcriptMessage = (transcript: Transcript, isFinal: boolean, requestId: string): object => ({
  type: 'transcript',
  is_final: isFinal,
  request_id: requestId,
  text: transcript.text,
  duration: transcript.durationSeconds,
  language: transcript.language,
  words: transcript.words,
});

/** Answers `finalize`. */
export const flushDoneMessage = (requestId: string): object => ({ type: 'flush_done', request_id: requestId });

/** Answers `close`; the last message. */
export const sttDoneMessage = (requestId: string): object => ({ type: 'done', request_id: requestId });
