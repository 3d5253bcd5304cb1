import type { FunctionEngine } from '@app/protocol';
import { profiles } from '@app/speech/batching';
import { loadEngine, type EngineStep } from '@app/speech/engines';
import type { StepRequest } from '../../apps/inference/src/engine/engine-pool';
import type { LaneEngines } from '../../apps/inference/src/lanes/lane-engines';

const settings = { threads: 1, precision: 'float32', executionProvider: 'cpu' } as const;

/** The engine of a function for which nothing is fetched, without a process of its own: every step runs as it is asked for. */
export async function enginesInProcess({ engine }: { readonly engine: FunctionEngine }): Promise<LaneEngines> {
  const loaded = await loadEngine(engine.name, { models: [], settings, tuning: profiles.balanced });
  const pool = {
    run: async (request: StepRequest<EngineStep>) => {
      const startedAtMs = performance.now();
      const [result] = await loaded.step([request.make()]);
      return { result, opened: undefined, startedAtMs, tookMs: performance.now() - startedAtMs, batchSize: 1 };
    },
    drop: (id: string) => loaded.release(id),
    dropLine: () => undefined,
  };
  return { of: () => pool, jobTook: () => undefined } as unknown as LaneEngines;
}
