import type { Engine, StepFailure } from '@app/speech/engines';
import type { BatchReport, EngineReply, EngineRequest, Opened, StepOutcome } from './engine.messages';

interface Step {
  readonly id: string;
  readonly op: string;
}

/** An engine that may tell what a result makes possible. */
export interface HostedEngine<S extends Step, Result> extends Engine<S, Result> {
  opened?(result: Result, step: S): Opened | undefined;
}

/** Makes the engine; calls `onLoading` whenever it reads a model from disk, now or later. */
export type EngineLoader<S extends Step, Result> = (onLoading: () => void) => Promise<HostedEngine<S, Result>>;

/** What an engine process does with its messages, apart from being a process. */
export class EngineHost<S extends Step, Result> {
  private engine: HostedEngine<S, Result> | undefined;

  constructor(
    private readonly load: EngineLoader<S, Result>,
    private readonly reply: (message: EngineReply<Result>) => void,
  ) {}

  /** Loads the engine and says `ready`, or why not; never rejects. */
  async start(warmUp: boolean): Promise<void> {
    try {
      this.engine = await this.load(() => this.reply({ type: 'loading' }));
      if (warmUp) await this.engine.warmUp();
      this.reply({ type: 'ready', capabilities: this.engine.capabilities });
    } catch (error) {
      this.reply({ type: 'failed', reason: reasonOf(error) });
    }
  }

  /** Must be called with one message at a time; never rejects. */
  async handle(request: Exclude<EngineRequest<S>, { type: 'load' }>): Promise<void> {
    switch (request.type) {
      case 'step':
        return this.step(request.callId, request.steps);
      case 'release':
        this.engine?.release(request.id);
    }
  }

  private async step(callId: number, steps: readonly S[]): Promise<void> {
    const outcomes: StepOutcome<Result>[] = steps.map(() => ({ failed: 'the engine is not loaded' }));
    const batches: BatchReport[] = [];
    const { engine } = this;
    if (engine) {
      for (const places of groupsOf(engine, steps)) {
        const batch = places.flatMap((place) => steps[place] ?? []);
        const startedAtMs = performance.now();
        const results = await this.stepTogether(engine, batch);
        batches.push({ op: batch[0]?.op ?? '', size: batch.length, durationMs: performance.now() - startedAtMs });
        places.forEach((place, index) => {
          const outcome = results[index];
          if (outcome) outcomes[place] = outcome;
        });
      }
    }
    this.reply({ type: 'stepped', callId, outcomes, batches });
  }

  private async stepTogether(engine: HostedEngine<S, Result>, batch: readonly S[]): Promise<StepOutcome<Result>[]> {
    try {
      const results = await engine.step(batch);
      return batch.map((step, index) => outcomeOf(engine, step, results[index]));
    } catch (error) {
      return batch.map(() => ({ failed: reasonOf(error) }));
    }
  }
}

/** Places of the steps that may run together: the caller's idea of a batch is coarser than the engine's. */
function groupsOf<S extends Step, Result>(engine: Engine<S, Result>, steps: readonly S[]): number[][] {
  const groups: number[][] = [];
  const openByKey = new Map<string, number[]>();
  steps.forEach((step, place) => {
    const key = `${step.op} ${engine.batchKey(step)}`;
    const open = openByKey.get(key);
    if (open && open.length < engine.capabilities.maxBatch) {
      open.push(place);
      return;
    }
    const group = [place];
    groups.push(group);
    openByKey.set(key, group);
  });
  return groups;
}

function outcomeOf<S extends Step, Result>(
  engine: HostedEngine<S, Result>,
  step: S,
  result: Result | StepFailure | undefined,
): StepOutcome<Result> {
  if (result === undefined) return { failed: 'the engine gave no result' };
  if (isFailure(result)) return { failed: result.failed };
  const opened = engine.opened?.(result, step);
  return opened ? { result, opened } : { result };
}

const isFailure = (result: unknown): result is StepFailure =>
  typeof result === 'object' && result !== null && typeof (result as { failed?: unknown }).failed === 'string';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
