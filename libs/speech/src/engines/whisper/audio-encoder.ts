import { InferenceSession, Tensor } from '../onnx-runtime';
import { layerKeys, layerValues } from './encoder-graph';
import { hopSamples, type LogMel } from './log-mel';
import type { ModelShape } from './model-shape';
import { groupMeans, SilentContext, type SilentRest } from './silent-context';

/** Number of samples per position of the encoder: 20 ms. */
export const positionSamples = 2 * hopSamples;

/** The input of the decoder's cross-attention: the encoded positions, then the silent rest of the 30 s. */
export interface EncodedAudio {
  /** Number of encoded positions. */
  readonly positions: number;
  /** Number of positions and silent groups together. */
  readonly context: number;
  /** [decoder layers, heads, head width, context] */
  readonly keys: Float32Array;
  /** [decoder layers, heads, context, head width] */
  readonly values: Float32Array;
  /** [context], added to the scores: 0 for positions, more for silent groups. */
  readonly weights: Float32Array;
}

/** Whisper's encoder on the first part of the 30 s. */
export class AudioEncoder {
  constructor(
    private readonly session: InferenceSession,
    private readonly shape: ModelShape,
    private readonly logMel: LogMel,
  ) {}

  /** Encodes the first `positions` positions of the audio. `silence` stands for the others. */
  async encode(samples: Float32Array, positions: number, silence: SilentContext): Promise<EncodedAudio> {
    const { results, weights } = await this.run(samples, positions, silence.after(positions));
    return {
      positions,
      context: weights.length,
      keys: results['keys']?.data as Float32Array,
      values: results['values']?.data as Float32Array,
      weights,
    };
  }

  /** Encodes 30 s of silence and reduces it to one key for each `groupPositions`. */
  async hearSilence(groupPositions: number): Promise<SilentContext> {
    const { audioPositions, encoderLayers } = this.shape;
    const none = new Float32Array(0);
    const rest = { groups: 0, layers: none, cross: none, weights: none };
    const { results } = await this.run(none, audioPositions, rest);
    const data = (name: string): Float32Array => results[name]?.data as Float32Array;
    const parts = Array.from({ length: encoderLayers }, (_, layer) => [
      data(layerKeys(layer)),
      data(layerValues(layer)),
    ]);
    const layers = groupMeans(parts.flat(), audioPositions, groupPositions);
    const cross = groupMeans([data('cross')], audioPositions, groupPositions);
    return new SilentContext(audioPositions, groupPositions, layers, cross);
  }

  private async run(samples: Float32Array, positions: number, rest: SilentRest) {
    const { mels, width, encoderLayers, decoderLayers } = this.shape;
    const frames = 2 * positions + 1;
    const weights = new Float32Array(positions + rest.groups);
    weights.set(rest.weights, positions);
    const wanted = rest.groups > 0 || samples.length > 0 ? ['keys', 'values'] : this.session.outputNames;
    const results = await this.session.run(
      {
        features: new Tensor('float32', this.logMel.features(samples, frames), [frames, mels]),
        silent: new Tensor('float32', rest.layers, [rest.groups, encoderLayers * 2 * width]),
        silent_cross: new Tensor('float32', rest.cross, [rest.groups, decoderLayers * 2 * width]),
        weights: new Tensor('float32', weights, [weights.length]),
      },
      wanted,
    );
    return { results, weights };
  }
}
