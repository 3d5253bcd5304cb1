import type { JobContext } from '@app/broker';
import type { Tracing } from '@app/platform';
import type { EnginePool, StepDone, StepRequest } from './engine-pool';

/** The part of an engine pool that a job uses. */
export type Steps<Step, Result> = Pick<EnginePool<Step, Result>, 'run' | 'drop' | 'dropLine'>;

/**
 * The steps of one attempt at a job. Each gets a span: when it ran, and the size of its batch. After the first attempt no
 * step shares a batch, because an earlier attempt may have crashed an engine process and with it the rest of its batch.
 */
export function stepsOfJob<Step, Result extends { readonly op: string }>(
  steps: Steps<Step, Result>,
  tracing: Tracing,
  { attempt, headers: parent }: Pick<JobContext, 'attempt' | 'headers'>,
): Steps<Step, Result> {
  return {
    run: async (request: StepRequest<Step>): Promise<StepDone<Result>> => {
      const done = await steps.run(attempt > 1 ? { ...request, batchKey: undefined } : request);
      const { result, startedAtMs, tookMs, batchSize } = done;
      const attributes = { 'antiphon.batch_size': batchSize };
      if (tracing.isOn)
        tracing.start(`step ${result.op}`, { parent, attributes, startedAtMs }).end(undefined, startedAtMs + tookMs);
      return done;
    },
    drop: (id) => steps.drop(id),
    dropLine: (line) => steps.dropLine(line),
  };
}
