import { ProblemError } from '@app/protocol';
import { runApp } from '@app/platform';
import { InferenceConfig } from './inference.config';
import { startWorker } from './worker';

void runApp({
  name: 'inference',
  summary: 'takes jobs from its lanes, runs them in batches, sends the results. Mode: worker (the default)',
  config: InferenceConfig,
  start: (context) => {
    const mode = process.argv[2] ?? 'worker';
    if (mode === 'worker') return startWorker(context);
    throw new ProblemError('config_invalid', { detail: `There is no mode "${mode}"; the modes are: worker.` });
  },
});
