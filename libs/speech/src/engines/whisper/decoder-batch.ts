import { Tensor } from '../onnx-runtime';
import type { EncodedAudio } from './audio-encoder';
import { layerNames } from './decoder-graph';
import type { ModelShape } from './model-shape';

/**
 * The context is padded to a multiple of the number of values that a processor adds at once. The numbers of a row are
 * then added in the same order whether the row is alone or beside longer ones, so its result does not depend on the
 * batch.
 */
const contextMultiple = 64;

/** Added to a score to exclude it. */
export const forbidden = -1e30;

/**
 * The tensors of rows that are decoded together: the audio of each row, padded to the longest, and its tokens so far.
 * Finished rows are removed.
 */
export class DecoderBatch {
  private readonly context: number;
  private readonly crossKeys: Float32Array[];
  private readonly crossValues: Float32Array[];
  private readonly weights: Float32Array;
  /** Keys and values of each layer, [capacity, rows, width]. */
  private readonly past: Float32Array[];
  rows: number;
  /** Number of tokens that every row has been fed. */
  length = 0;

  constructor(
    private readonly shape: ModelShape,
    audio: readonly EncodedAudio[],
    capacity: number,
  ) {
    const { decoderLayers, width, heads, headWidth } = shape;
    this.rows = audio.length;
    this.context = Math.ceil(Math.max(...audio.map((row) => row.context)) / contextMultiple) * contextMultiple;
    const layers = Array.from({ length: decoderLayers }, (_, layer) => layer);
    this.crossKeys = layers.map((layer) => this.gather(audio, (row) => layerOf(row.keys, layer, shape), width, 1));
    this.crossValues = layers.map((layer) =>
      this.gather(audio, (row) => layerOf(row.values, layer, shape), heads, headWidth),
    );
    this.weights = this.gather(audio, (row) => row.weights, 1, 1, forbidden);
    this.past = Array.from({ length: 2 * decoderLayers }, () => new Float32Array(capacity * this.rows * width));
  }

  /** The inputs that do not depend on the next tokens. */
  feeds(): Record<string, Tensor> {
    const { rows, context, length } = this;
    const { width, heads, headWidth, decoderLayers } = this.shape;
    const feeds: Record<string, Tensor> = {
      context_weights: new Tensor('float32', this.weights.subarray(0, rows * context), [rows, 1, 1, context]),
    };
    const cross = rows * width * context;
    for (let layer = 0; layer < decoderLayers; layer += 1) {
      const names = layerNames(layer);
      const keys = this.crossKeys[layer]!.subarray(0, cross);
      feeds[names.crossKeys] = new Tensor('float32', keys, [rows, heads, headWidth, context]);
      const values = this.crossValues[layer]!.subarray(0, cross);
      feeds[names.crossValues] = new Tensor('float32', values, [rows, heads, context, headWidth]);
      const said = (past: Float32Array): Tensor =>
        new Tensor('float32', past.subarray(0, length * rows * width), [length, rows, width]);
      feeds[names.pastKeys] = said(this.past[2 * layer]!);
      feeds[names.pastValues] = said(this.past[2 * layer + 1]!);
    }
    return feeds;
  }

  /** Stores the keys and values of the tokens that were just fed. */
  append(results: Readonly<Record<string, Tensor>>, steps: number): void {
    const start = this.length * this.rows * this.shape.width;
    for (let layer = 0; layer < this.shape.decoderLayers; layer += 1) {
      const names = layerNames(layer);
      this.past[2 * layer]!.set(results[names.newKeys]?.data as Float32Array, start);
      this.past[2 * layer + 1]!.set(results[names.newValues]?.data as Float32Array, start);
    }
    this.length += steps;
  }

  /** Removes a row. The last row moves to its index. */
  remove(row: number): void {
    const { width } = this.shape;
    const last = this.rows - 1;
    const move = (array: Float32Array, size: number): void => {
      if (row !== last) array.copyWithin(row * size, last * size, (last + 1) * size);
    };
    move(this.weights, this.context);
    for (const array of [...this.crossKeys, ...this.crossValues]) move(array, width * this.context);
    for (const past of this.past) {
      for (let position = 0; position < this.length; position += 1) {
        const from = position * this.rows * width;
        if (row !== last) past.copyWithin(from + row * width, from + last * width, from + (last + 1) * width);
        past.copyWithin(position * last * width, from, from + last * width);
      }
    }
    this.rows = last;
  }

  /** Copies the arrays of all rows, [outer, own context, inner], into one [rows, outer, context, inner]. */
  private gather(
    audio: readonly EncodedAudio[],
    dataOf: (row: EncodedAudio) => Float32Array,
    outer: number,
    inner: number,
    padding = 0,
  ): Float32Array {
    const joined = new Float32Array(audio.length * outer * this.context * inner);
    if (padding !== 0) joined.fill(padding);
    audio.forEach((row, index) => {
      const data = dataOf(row);
      const own = row.context * inner;
      for (let part = 0; part < outer; part += 1) {
        const at = (index * outer + part) * this.context * inner;
        joined.set(data.subarray(part * own, (part + 1) * own), at);
      }
    });
    return joined;
  }
}

function layerOf(data: Float32Array, layer: number, { decoderLayers }: ModelShape): Float32Array {
  const size = data.length / decoderLayers;
  return data.subarray(layer * size, (layer + 1) * size);
}
