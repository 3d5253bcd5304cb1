import { InferenceSession, Tensor } from '../onnx-runtime';
import type { EngineSettings } from '../engine';
import { sessionOptions } from '../session-options';
import type { StoredGraphs } from './graph-store';
import type { VitsLayout } from './vits-graphs';

/** The result of the text part. `mean` and `logScale` are [channels, ids]. */
export interface TextResult {
  readonly mean: Float32Array;
  readonly logScale: Float32Array;
  /** Input of the predictor. */
  readonly hidden: Tensor | undefined;
}

/** Frames of several windows that have the same length and the same edges, ready for the decoder. */
export interface DecoderInput {
  /** [batch, channels, frames] */
  readonly latents: Float32Array;
  readonly batch: number;
  readonly frames: number;
  /** The decoder continues with positions [cropStart, cropEnd) after its crop. */
  readonly cropStart: number;
  readonly cropEnd: number;
}

/** The loaded parts of a voice. */
export class VitsSessions {
  private constructor(
    private readonly parts: Readonly<Record<'text' | 'predictor' | 'flow' | 'decoder', InferenceSession>>,
    readonly layout: VitsLayout,
  ) {}

  static async load(graphs: StoredGraphs, settings: EngineSettings): Promise<VitsSessions> {
    const options = sessionOptions(settings);
    const open = (path: string): Promise<InferenceSession> => InferenceSession.create(path, options);
    const text = await open(graphs.text);
    const predictor = await open(graphs.predictor);
    const flow = await open(graphs.flow);
    const decoder = await open(graphs.decoder);
    return new VitsSessions({ text, predictor, flow, decoder }, graphs.layout);
  }

  async runText(ids: readonly number[]): Promise<TextResult> {
    const { mean, logScale, hidden } = await this.parts.text.run({
      input: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
      input_lengths: position(ids.length),
    });
    return { mean: floats(mean), logScale: floats(logScale), hidden };
  }

  /**
   * Returns the number of frames of each id. `scales`: spread of the latent noise, pace, spread of the duration noise.
   * `noise` is [2, ids].
   */
  async predictDurations({ hidden }: TextResult, scales: Float32Array, noise: Float32Array): Promise<number[]> {
    if (!hidden) return [];
    const { durations } = await this.parts.predictor.run({
      hidden,
      scales: new Tensor('float32', scales, [3]),
      durationNoise: new Tensor('float32', noise, [1, 2, noise.length / 2]),
    });
    return Array.from(floats(durations));
  }

  /**
   * Cleans noisy latent frames, [channels, frames]. On a side where the utterance goes on, `flowReach` frames are
   * context and are missing from the result.
   */
  async runFlow(
    noisy: Float32Array,
    frames: number,
    goesOn: { before: boolean; after: boolean },
  ): Promise<Float32Array> {
    const { channels, flowTrim } = this.layout;
    const results = await this.parts.flow.run({
      noisy: new Tensor('float32', noisy, [1, channels, frames]),
      cropStart: position(goesOn.before ? flowTrim : 0),
      cropEnd: position(goesOn.after ? -flowTrim : Number.MAX_SAFE_INTEGER),
    });
    return floats(results['latent']);
  }

  /**
   * Returns the audio of all windows, one after the other: [batch, (cropEnd - cropStart) * samplesPerFrame / cropRate].
   */
  async runDecoder({ latents, batch, frames, cropStart, cropEnd }: DecoderInput): Promise<Float32Array> {
    const results = await this.parts.decoder.run({
      latent: new Tensor('float32', latents, [batch, this.layout.channels, frames]),
      cropStart: position(cropStart),
      cropEnd: position(cropEnd),
    });
    return floats(results['audio']);
  }

  async release(): Promise<void> {
    await Promise.all(Object.values(this.parts).map((part) => part.release()));
  }
}

const floats = (tensor: Tensor | undefined): Float32Array => tensor?.data as Float32Array;

const position = (value: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);
