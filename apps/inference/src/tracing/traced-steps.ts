import type { Tracing, TraceHeaders } from '@app/platform';
import type { EnginePool, StepDone, StepRequest } from '../engine/engine-pool';

/** The part of an engine pool that a job uses. */
type Steps<Step, Result> = Pick<EnginePool<Step, Result>, 'run' | 'drop' | 'dropLine'>;

/** Wraps the steps with a span for each: when it ran, and the size of its batch. */
export function tracedSteps<Step, Result extends { readonly op: string }>(
  steps: Steps<Step, Result>,
  tracing: Tracing,
  parent: TraceHeaders,
): Steps<Step, Result> {
  if (!tracing.isOn) return steps;
  return {
    run: async (request: StepRequest<Step>): Promise<StepDone<Result>> => {
      const done = await steps.run(request);
      const { result, startedAtMs, tookMs, batchSize } = done;
      const attributes = { 'antiphon.batch_size': batchSize };
      tracing.start(`step ${result.op}`, { parent, attributes, startedAtMs }).end(undefined, startedAtMs + tookMs);
      return done;
    },
    drop: (id) => steps.drop(id),
    dropLine: (line) => steps.dropLine(line),
  };
}
