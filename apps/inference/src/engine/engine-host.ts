import type { Engine, StepFailure } from '@app/speech/engines';
import type { BatchReport, EngineReply, EngineRequest, Opened, StepOutcome } from './engine.messages';

interface Step {
  readonly id: string;
  readonly op: string;
}

/** An engine as the host uses it. */
export interface HostedEngine<S extends Step, Result> extends Engine<S, Result> {
  opened?(result: Result, step: S): Opened | undefined;
}

/** Creates the engine. Calls `onLoading` each time a model is read from disk, also later. */
export type EngineLoader<S extends Step, Result> = (onLoading: () => void) => Promise<HostedEngine<S, Result>>;

/** Handles the messages of an engine process. Contains no process code, so tests can use it. */
export class EngineHost<S extends Step, Result> {
  private engine: HostedEngine<S, Result> | undefined;

  constructor(
    private readonly load: EngineLoader<S, Result>,
    private readonly reply: (message: EngineReply<Result>) => void,
  ) {}

  /** Loads the engine and replies `ready`, or the reason of a failure. Never rejects. */
  async start(warmUp: boolean): Promise<void> {
    try {
      this.engine = await this.load(() => this.reply({ type: 'loading' }));
      if (warmUp) await this.engine.warmUp();
      this.reply({ type: 'ready', capabilities: this.engine.capabilities });
    } catch (error) {
      this.reply({ type: 'failed', reason: reasonOf(error) });
    }
  }

  /** Handles one message. Must not be called again before it resolves. Never rejects. */
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

/** Indices of the steps that may run together. The engine may split a batch of its caller by batch key. */
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
