import type { Tuning } from '@app/speech/batching';
import { sttSampleRateHz } from '@app/protocol';

/**
 * Place in the STT stream from which the next partial of an utterance is worth its cost. The first comes soon; later ones
 * after an interval that grows with the utterance, so that all partials of a long one cost a bounded multiple of it.
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

/** So much audio of an STT stream, to the nearest sample. */
export const samplesOfMs = (ms: number): number => Math.round((ms * sttSampleRateHz) / 1_000);
