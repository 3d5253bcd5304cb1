import { TtsJob, TtsResume, type TtsOutput } from '../jobs/tts.job';
import { defineFunction, listenerBudgetMs, newRequestBudgetMs, typeOf } from './function-row';

/** Text to speech: one job is one utterance. */
export const ttsFunction = defineFunction({
  kind: 'tts',
  job: TtsJob,
  output: typeOf<TtsOutput>(),
  resume: TtsResume,
  dispatch: 'queue',
  models: 'manifest',
  engine: { name: 'vits' },
  classes: [
    { name: 'first', waitBudgetMs: newRequestBudgetMs },
    { name: 'rest', waitBudgetMs: listenerBudgetMs },
  ],
  failoverBudgetMs: listenerBudgetMs,
  longestRunMs: 300_000,
  seats: 8,
  headroom: 1,
  wantsGpu: true,
  scale: { min: 0, max: 25 },
});
