import { sttSampleRateHz } from '../../audio';
import type { RecognisedWord, SampleSpan } from '../stt-engine';

/** Shorter speech may be a breath, or the end of a word whose time is not exact. */
const leastSpeechSamples = 0.1 * sttSampleRateHz;
/** The recorded times of a word may be wrong by this much. */
const toleranceSamples = 0.2 * sttSampleRateHz;
/** The decoder ends early only at a pause, never in the middle of a word. */
const leastPauseSamples = 0.1 * sttSampleRateHz;

/**
 * The sample from which speech was not recognised: the middle of the first pause after the last word that has speech
 * after it. Undefined if all speech was recognised. `speech`: the parts in which the detector found speech in the same
 * audio, in order.
 */
export function unheardFrom(words: readonly RecognisedWord[], speech: readonly SampleSpan[]): number | undefined {
  const lastEnd = heardTo(words.at(-1), speech) - toleranceSamples;
  for (let index = 1; index < speech.length; index += 1) {
    const pauseStart = speech[index - 1]!.endSample;
    const pauseEnd = speech[index]!.startSample;
    if (pauseStart < lastEnd || pauseEnd - pauseStart < leastPauseSamples) continue;
    const behind = speech.slice(index).reduce((sum, span) => sum + span.endSample - span.startSample, 0);
    return behind >= leastSpeechSamples ? Math.round((pauseStart + pauseEnd) / 2) : undefined;
  }
  return undefined;
}

/** The end of the last word. If more speech follows, a word ends no later than the speech in which it begins. */
function heardTo(last: RecognisedWord | undefined, speech: readonly SampleSpan[]): number {
  if (!last) return 0;
  const begun = speech.filter(({ startSample }) => startSample <= last.startSample + toleranceSamples).at(-1);
  return begun ? Math.min(last.endSample, begun.endSample + toleranceSamples) : last.endSample;
}
