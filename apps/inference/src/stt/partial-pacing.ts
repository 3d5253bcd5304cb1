import type { Tuning } from '@app/speech/batching';
import { sttSampleRateHz } from '@app/speech/audio';

/**
 * The sample from which the next partial of an utterance is due. The first partial is due early. The interval of later
 * ones grows with the utterance, so that the cost of all partials is a bounded multiple of one recognition.
 */
export function nextPartialSample(
  startSample: number,
  lastPartialEndSample: number | undefined,
  tuning: Pick<Tuning, 'firstPartialMs' | 'partialIntervalMs' | 'partialGrowth'>,
): number {
  if (lastPartialEndSample === undefined) return startSample + samplesOfMs(tuning.firstPartialMs);
  const grown = (lastPartialEndSample - startSample) * tuning.partialGrowth;
  return lastPartialEndSample + Math.round(Math.max(samplesOfMs(tuning.partialIntervalMs), grown));
}

/** Number of samples of an STT stream in this many milliseconds, rounded. */
export const samplesOfMs = (ms: number): number => Math.round((ms * sttSampleRateHz) / 1_000);
