import type { SttSegment } from '@app/protocol';
import { isSilent, type Recognition } from '@app/speech/engines';

/** Whether a recognition has no words to report. */
export const soundsLikeNothing = (recognition: Recognition): boolean =>
  recognition.text.trim() === '' || isSilent(recognition);

/** The segment that is sent to the session for a recognition of [startSample, endSample). */
export function segmentOf(recognition: Recognition, startSample: number, endSample: number): SttSegment {
  const { language } = recognition;
  if (soundsLikeNothing(recognition)) return { text: '', language, startSample, endSample, words: [] };
  const words = recognition.words.map(
    ({ word, startSample: from, endSample: to }) => [word, startSample + from, startSample + to] as const,
  );
  return { text: recognition.text.trim(), language, startSample, endSample, words };
}
