import { ProblemError } from '@app/protocol';
import { runApp } from '@app/platform';
import { InferenceConfig } from './inference.config';
import { startServe, startWorker } from './worker';

void runApp({
  name: 'inference',
  summary: `runs jobs in batches and sends the results.

Modes, the first argument:
  worker  pulls the jobs of its lanes from the bus (the default)
  serve   takes the jobs of its lanes by POST /jobs, each held open until it is over`,
  config: InferenceConfig,
  start: (context) => {
    const mode = process.argv[2] ?? 'worker';
    if (mode === 'worker') return startWorker(context);
    if (mode === 'serve') return startServe(context);
    throw new ProblemError('config_invalid', { detail: `There is no mode "${mode}"; the modes are: worker, serve.` });
  },
});
