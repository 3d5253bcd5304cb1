import type { EngineCapabilities, Opened, StepFailure } from '../engine';
import type { TtsEngine, TtsStep, TtsStepResult } from '../tts-engine';

/** Makes the engine of one voice. */
export type VoiceLoader = (voice: string) => Promise<TtsEngine>;

/** All voices of a lane as one engine. Each voice is loaded at its first use. */
export class VoiceEngines implements TtsEngine {
  private readonly engines = new Map<string, TtsEngine>();
  private readonly voiceById = new Map<string, string>();

  constructor(private readonly loader: VoiceLoader) {}

  /** Loads a voice before its first use. */
  async load(voice: string): Promise<TtsEngine> {
    const loaded = this.engines.get(voice);
    if (loaded) return loaded;
    const engine = await this.loader(voice);
    this.engines.set(voice, engine);
    return engine;
  }

  /** The capabilities of the voice that was loaded first. */
  get capabilities(): EngineCapabilities {
    const [first] = this.engines.values();
    if (!first) throw new Error('no voice is loaded');
    return first.capabilities;
  }

  async warmUp(): Promise<void> {
    for (const engine of this.engines.values()) await engine.warmUp();
  }

  batchKey(step: TtsStep): string {
    const voice = this.voiceOf(step);
    return `${voice} ${this.engines.get(voice)?.batchKey(step) ?? step.id}`;
  }

  async step(batch: readonly TtsStep[]): Promise<(TtsStepResult | StepFailure)[]> {
    const [first] = batch;
    if (!first) return [];
    const voice = this.voiceOf(first);
    const engine = await this.load(voice);
    for (const step of batch) if (step.op === 'encode') this.voiceById.set(step.id, voice);
    return engine.step(batch);
  }

  /** After `encode`, the windows of the utterance can be decoded. */
  opened(result: TtsStepResult, { id }: TtsStep): Opened | undefined {
    const engine = this.engines.get(this.voiceById.get(id) ?? '');
    if (result.op !== 'encode' || !engine) return undefined;
    const batchKeys = result.plan.windows.map((_, window) => this.batchKey({ op: 'decode', id, window }));
    return { batchKeys, sampleRateHz: engine.capabilities.sampleRateHz };
  }

  release(id: string): void {
    this.engines.get(this.voiceById.get(id) ?? '')?.release(id);
    this.voiceById.delete(id);
  }

  async close(): Promise<void> {
    await Promise.all([...this.engines.values()].map((engine) => engine.close()));
  }

  private voiceOf(step: TtsStep): string {
    return step.op === 'encode' ? step.utterance.voice : (this.voiceById.get(step.id) ?? '');
  }
}
