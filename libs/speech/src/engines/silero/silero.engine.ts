import { defineEngine } from '../engine-definition';
import { createSileroEngine } from './silero-engine';

/** Silero's speech detector alone. Its model is part of an npm package, so nothing is downloaded for it. */
export const sileroEngine = defineEngine({
  name: 'silero',
  load: ({ settings, tuning }) => createSileroEngine(settings, tuning.batchSize),
});
