import type { ResultOutput } from '../jobs/job';
import { SpeechActivityJob, type SpeechActivityResult } from '../jobs/speech-activity.job';
import { defineFunction, newRequestBudgetMs, typeOf } from './function-row';

/** `POST /speech-activity`: one job is one recording. */
export const speechActivityFunction = defineFunction({
  kind: 'speech-activity',
  job: SpeechActivityJob,
  output: typeOf<ResultOutput<SpeechActivityResult>>(),
  dispatch: 'queue',
  models: 'builtin',
  engine: { name: 'silero' },
  classes: [{ name: 'only', waitBudgetMs: newRequestBudgetMs }],
  failoverBudgetMs: newRequestBudgetMs,
  longestRunMs: 60_000,
  seats: 8,
  headroom: 1,
  wantsGpu: false,
  scale: { min: 0, max: 5 },
});
