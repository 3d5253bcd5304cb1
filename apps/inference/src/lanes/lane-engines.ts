import { join } from 'node:path';
import { laneFunction, laneName, ProblemError, type JobKind, type Lane } from '@app/protocol';
import type { Log } from '@app/platform';
import type { SttStep, SttStepResult, TtsStep, TtsStepResult } from '@app/speech/engines';
import { EnginePool, type EnginePoolObserver } from '../engine/engine-pool';
import type { InferenceMetrics } from '../metrics/inference-metrics';
import type { WorkerSettings } from '../worker-settings';
import { engineSpecOf } from './engine-spec';
import { heldModels, type HeldModel } from './lane-models';
import { RecentFactor } from './recent-factor';

/** What one lane runs on. */
interface ServingLane {
  readonly lane: Lane;
  readonly models: readonly HeldModel[];
  readonly pool: EnginePool<never, unknown>;
  readonly realTimeFactor: RecentFactor;
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

  /** Starts the engines of those of these lanes that need a model, and resolves when all are warm; a problem says what is missing. */
  async start(lanes: readonly Lane[]): Promise<void> {
    for (const lane of lanes) {
      if (laneFunction(lane).models === 'manifest') this.lanes.set(laneName(lane), await this.prepare(lane));
    }
    await Promise.all([...this.lanes.values()].map(({ pool }) => pool.start()));
    this.started = true;
  }

  /** Whether every lane has an engine that is warm. */
  get isReady(): boolean {
    return this.started && [...this.lanes.values()].every(({ pool }) => pool.readyEngines > 0);
  }

  /** Engines of a text-to-speech lane. */
  tts(model: string): EnginePool<TtsStep, TtsStepResult> {
    return this.of('tts', model).pool as unknown as EnginePool<TtsStep, TtsStepResult>;
  }

  /** Engines of a speech-to-text lane. */
  stt(model: string): EnginePool<SttStep, SttStepResult> {
    return this.of('stt', model).pool as unknown as EnginePool<SttStep, SttStepResult>;
  }

  /** Artifact ids of the voices or models that a lane serves. */
  modelsOf(lane: Lane): string[] {
    return this.lanes.get(laneName(lane))?.models.map(({ id }) => id) ?? [];
  }

  /** Recent compute time over audio time of a lane; 0 before its first job. */
  realTimeFactorOf(lane: Lane): number {
    return this.lanes.get(laneName(lane))?.realTimeFactor.value ?? 0;
  }

  /** What a job cost. */
  jobTook(lane: Lane, computeMs: number, audioMs: number): void {
    if (audioMs <= 0) return;
    this.lanes.get(laneName(lane))?.realTimeFactor.add(computeMs, audioMs);
    this.metrics.realTimeFactor(laneName(lane), computeMs / audioMs);
  }

  /** Awaits running steps, then ends all engines. */
  async stop(): Promise<void> {
    await Promise.all([...this.lanes.values()].map(({ pool }) => pool.stop()));
  }

  private of(kind: JobKind, model: string): ServingLane {
    const found = this.lanes.get(laneName({ kind, model }));
    if (!found) throw new ProblemError('model_not_found', { detail: 'This worker does not serve the model.' });
    return found;
  }

  private async prepare(lane: Lane): Promise<ServingLane> {
    const { config, tuning, engines } = this.settings;
    const models = await heldModels(lane, config.modelsFolder);
    const pool = new EnginePool<never, unknown>(
      {
        engines: engines.count,
        child: {
          entry: join(__dirname, '../engine/engine.process.js'),
          spec: engineSpecOf(lane.kind, models, this.settings),
          stepTimeoutMs: config.stepTimeoutMs,
          loadTimeoutMs: config.loadTimeoutMs,
        },
        policy: {
          batching: tuning.batching,
          maxBatch: tuning.batchSize,
          batchWaitMs: tuning.batchWaitMs,
          batchesGain: config.executionProvider === 'cuda',
        },
      },
      this.observerOf(lane),
    );
    return { lane, models, pool, realTimeFactor: new RecentFactor() };
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
