import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EngineSettings } from '../engine';
import type { StoredGraphs } from './graph-store';
import type { VitsLayout } from './vits-graphs';

/** What the text part says of an utterance; `mean` and `logScale` are [channels, ids]. */
export interface TextResult {
  readonly mean: Float32Array;
  readonly logScale: Float32Array;
  readonly durations: Float32Array;
}

/** Frames of several windows of one length and with the same edges, ready for the decoder. */
export interface DecoderInput {
  /** [batch, channels, frames] */
  readonly latents: Float32Array;
  readonly batch: number;
  readonly frames: number;
  /** Positions [cropStart, cropEnd) at the decoder's crop go on. */
  readonly cropStart: number;
  readonly cropEnd: number;
}

/** The three parts of a voice, loaded. */
export class VitsSessions {
  private constructor(
    private readonly text: InferenceSession,
    private readonly flow: InferenceSession,
    private readonly decoder: InferenceSession,
    readonly layout: VitsLayout,
  ) {}

  static async load(graphs: StoredGraphs, settings: EngineSettings): Promise<VitsSessions> {
    const options: InferenceSession.SessionOptions = {
      executionProviders: [settings.executionProvider],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: settings.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      // A thread that spins while it waits takes its core from the other engines.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    };
    const text = await InferenceSession.create(graphs.text, options);
    const flow = await InferenceSession.create(graphs.flow, options);
    const decoder = await InferenceSession.create(graphs.decoder, options);
    return new VitsSessions(text, flow, decoder, graphs.layout);
  }

  /** `scales`: spread of the latent noise, pace, spread of the duration noise; `durationNoise` is [2, ids]. */
  async runText(ids: readonly number[], scales: Float32Array, durationNoise: Float32Array): Promise<TextResult> {
    const feeds: Record<string, Tensor> = {
      input: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
      input_lengths: new Tensor('int64', BigInt64Array.of(BigInt(ids.length)), [1]),
      scales: new Tensor('float32', scales, [3]),
    };
    if (this.layout.durationNoise) feeds['durationNoise'] = new Tensor('float32', durationNoise, [1, 2, ids.length]);
    const results = await this.text.run(feeds);
    const { mean, logScale, durations } = results;
    return { mean: floats(mean), logScale: floats(logScale), durations: floats(durations) };
  }

  /** Cleans noisy latent frames, [channels, frames]. */
  async runFlow(noisy: Float32Array, frames: number): Promise<Float32Array> {
    const shape = [1, this.layout.channels, frames];
    return floats((await this.flow.run({ noisy: new Tensor('float32', noisy, shape) }))['latent']);
  }

  /** Audio of every window, one after the other: [batch, (cropEnd - cropStart) * samplesPerFrame / cropRate]. */
  async runDecoder({ latents, batch, frames, cropStart, cropEnd }: DecoderInput): Promise<Float32Array> {
    const results = await this.decoder.run({
      latent: new Tensor('float32', latents, [batch, this.layout.channels, frames]),
      cropStart: new Tensor('int64', BigInt64Array.of(BigInt(cropStart)), [1]),
      cropEnd: new Tensor('int64', BigInt64Array.of(BigInt(cropEnd)), [1]),
    });
    return floats(results['audio']);
  }

  async release(): Promise<void> {
    await Promise.all([this.text.release(), this.flow.release(), this.decoder.release()]);
  }
}

const floats = (tensor: Tensor | undefined): Float32Array => tensor?.data as Float32Array;
