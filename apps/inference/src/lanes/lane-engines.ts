import { join } from 'node:path';
import {
  hostLane,
  laneFunction,
  laneName,
  ProblemError,
  type FunctionEngine,
  type JobKind,
  type Lane,
} from '@app/protocol';
import type { Log } from '@app/platform';
import type { EngineModel, EngineName, StepOf, StepResultOf } from '@app/speech/engines';
import { EnginePool, type EnginePoolObserver } from '../engine/engine-pool';
import type { InferenceMetrics } from '../metrics/inference-metrics';
import type { WorkerSettings } from '../worker-settings';
import { heldModels } from './lane-models';

/** A row of the function graph whose function has an engine. */
interface RowWithEngine<Name extends EngineName> {
  readonly kind: JobKind;
  readonly engine: { readonly name: Name };
}

/** The engines of one lane. */
interface ServingLane {
  readonly models: readonly EngineModel[];
  readonly pool: EnginePool<never, unknown>;
}

/** The engines of all lanes of this worker. */
export class LaneEngines {
  private readonly lanes = new Map<string, ServingLane>();
  private started = false;

  constructor(
    private readonly settings: WorkerSettings,
    private readonly metrics: InferenceMetrics,
    private readonly log: Log,
  ) {}

  /**
   * Starts the engines of the lanes that have one and resolves when all are warm. Throws a problem that names what is
   * missing.
   */
  async start(lanes: readonly Lane[]): Promise<void> {
    const guests: [guest: Lane, host: Lane][] = [];
    for (const lane of lanes) {
      const { engine } = laneFunction(lane);
      const host = hostLane(lane, lanes);
      if (host) guests.push([lane, host]);
      else if (engine) this.lanes.set(laneName(lane), await this.prepare(lane, engine));
    }
    for (const [lane, host] of guests) {
      const { pool } = this.servingLane(host);
      this.lanes.set(laneName(lane), { models: [], pool });
    }
    await Promise.all(this.pools.map((pool) => pool.start()));
    this.started = true;
  }

  /** Whether every lane has a warm engine. */
  get isReady(): boolean {
    return this.started && this.pools.every((pool) => pool.readyEngines > 0);
  }

  /** The engines of a function for this model. Throws `model_not_found` if this worker does not serve it. */
  of<Name extends EngineName>(
    { kind }: RowWithEngine<Name>,
    model: string,
  ): EnginePool<StepOf<Name>, StepResultOf<Name>> {
    const { pool } = this.servingLane({ kind, model });
    return pool as unknown as EnginePool<StepOf<Name>, StepResultOf<Name>>;
  }

  /** Artifact ids of the voices or models that a lane serves. */
  modelsOf(lane: Lane): string[] {
    return this.lanes.get(laneName(lane))?.models.map(({ id }) => id) ?? [];
  }

  /** Records the compute time and audio time of a job. */
  jobTook(lane: Lane, computeMs: number, audioMs: number): void {
    if (audioMs <= 0) return;
    this.metrics.realTimeFactor(laneName(lane), computeMs / audioMs);
  }

  /** Waits for running steps, then ends all engines. */
  async stop(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.stop()));
  }

  private get pools(): EnginePool<never, unknown>[] {
    return [...new Set([...this.lanes.values()].map(({ pool }) => pool))];
  }

  private servingLane(lane: Lane): ServingLane {
    const found = this.lanes.get(laneName(lane));
    if (!found) throw new ProblemError('model_not_found', { detail: 'This worker does not serve the model.' });
    return found;
  }

  private async prepare(lane: Lane, { name }: FunctionEngine): Promise<ServingLane> {
    const { config, tuning, engines } = this.settings;
    const { precision, executionProvider, graphsFolder } = config;
    const models = await heldModels(lane, config.modelsFolder);
    const pool = new EnginePool<never, unknown>(
      {
        engines: engines.count,
        child: {
          entry: join(__dirname, '../engine/engine.process.js'),
          spec: {
            engine: name,
            models,
            settings: { threads: engines.threads, precision, executionProvider, graphsFolder },
            tuning,
          },
          stepTimeoutMs: config.stepTimeoutMs,
          loadTimeoutMs: config.loadTimeoutMs,
        },
        policy: {
          batching: tuning.batching,
          maxBatch: tuning.batchSize,
          batchWaitMs: tuning.batchWaitMs,
          batchesGain: executionProvider === 'cuda',
        },
      },
      this.observerOf(lane),
    );
    return { models, pool };
  }

  private observerOf(lane: Lane): EnginePoolObserver {
    const name = laneName(lane);
    return {
      onBatch: ({ op, size, durationMs }) => this.metrics.step(name, op, size, durationMs),
      onReadyChange: (ready) => this.log.debug('engines ready', { lane: name, ready }),
      onEngineExit: (reason) => {
        this.metrics.engineRestarted(name);
        this.log.warn('engine process ended; another is started', { lane: name, reason });
      },
    };
  }
}
