import { defineEngine } from '../engine-definition';
import { createSileroEngine } from './silero-engine';

/** Silero's speech detector alone. Its model comes with a package, so nothing is fetched for it. */
export const sileroEngine = defineEngine({
  name: 'silero',
  load: ({ settings, tuning }) => createSileroEngine(settings, tuning.batchSize),
});
