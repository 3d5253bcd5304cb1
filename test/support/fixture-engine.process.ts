import type { EngineReply, EngineRequest } from '../../apps/inference/src/engine/engine.messages';

/** A step that tells the engine how to behave. */
export interface FixtureStep {
  readonly id: string;
  readonly op: 'echo' | 'crash' | 'hang' | 'refuse';
  readonly samples?: Float32Array;
}

/** What an echo answers. */
export interface FixtureResult {
  readonly id: string;
  readonly pid: number;
  /** Ids that were run with it. */
  readonly batch: readonly string[];
  /** Ids released so far. */
  readonly released: readonly string[];
  readonly samples?: Float32Array;
  /** Whether it was warmed up. */
  readonly warm: boolean;
}

/** An engine process without a model, which can crash and hang. Depends on nothing, since tests compile it alone. */
const released: string[] = [];
let warm = false;

const reply = (message: EngineReply<FixtureResult>): void => {
  process.send?.(message);
};

function answer({ callId, steps }: Extract<EngineRequest<FixtureStep>, { type: 'step' }>): void {
  const batch = steps.map(({ id }) => id);
  if (steps.some(({ op }) => op === 'crash')) process.exit(3);
  for (let busy = steps.some(({ op }) => op === 'hang'); busy;) Math.random();
  const outcomes = steps.map(({ id, op, samples }) => {
    if (op === 'refuse') return { failed: 'refused' };
    return { result: { id, pid: process.pid, batch, released: [...released], warm, ...(samples ? { samples } : {}) } };
  });
  const sizes = new Map<string, number>();
  for (const { op } of steps) sizes.set(op, (sizes.get(op) ?? 0) + 1);
  const batches = [...sizes].map(([op, size]) => ({ op, size, durationMs: 1 }));
  reply({ type: 'stepped', callId, outcomes, batches });
}

process.on('message', (request: EngineRequest<FixtureStep>) => {
  switch (request.type) {
    case 'load':
      warm = request.warmUp;
      if (request.spec.models.some(({ id }) => id === 'broken')) {
        return reply({ type: 'failed', reason: 'no such model' });
      }
      return reply({ type: 'ready', capabilities: { sampleRateHz: 8_000, languages: ['en'], maxBatch: 4 } });
    case 'step':
      return answer(request);
    case 'release':
      released.push(request.id);
  }
});
process.on('disconnect', () => process.exit());
