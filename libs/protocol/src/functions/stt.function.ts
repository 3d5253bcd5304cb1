import { SttJob, SttResume, type SttInput, type SttOutput } from '../jobs/stt.job';
import { defineFunction, listenerBudgetMs, newRequestBudgetMs, typeOf } from './function-row';

/** Speech to text: one job is one STT stream. */
export const sttFunction = defineFunction({
  kind: 'stt',
  job: SttJob,
  output: typeOf<SttOutput>(),
  input: typeOf<SttInput>(),
  resume: SttResume,
  dispatch: 'queue',
  models: 'manifest',
  engine: { name: 'whisper', includes: ['silero'] },
  classes: [{ name: 'open', waitBudgetMs: newRequestBudgetMs }],
  failoverBudgetMs: listenerBudgetMs,
  longestRunMs: 4 * 3_600_000,
  seats: 8,
  headroom: 0.7,
  wantsGpu: true,
  scale: { min: 0, max: 25 },
});
