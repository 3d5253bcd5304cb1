import { GraphBuilder, type Model, type Value } from '../../onnx';
import type { Ct2Weights } from './ct2-weights';
import { LayerWriter } from './layer-writer';
import type { ModelShape } from './model-shape';

/** Versions of the operator sets that the graphs use. */
export const opsets = { '': 20, 'com.microsoft': 1 };

/** Name of a layer's keys in the results of the encoder. The silent context is made from them. */
export const layerKeys = (layer: number): string => `layer_${layer}.keys`;
/** The same for a layer's values. */
export const layerValues = (layer: number): string => `layer_${layer}.values`;

/**
 * The encoder for the first `positions` of the 30 s. The rest is silent.
 *
 * Inputs: `features` [2 positions + 1, mels]; `silent` [groups, layers x (keys, values) x width], which stands for the
 * silent rest in every layer; `silent_cross` [groups, decoder layers x (keys, values) x width], the same for the
 * decoder; `weights` [positions + groups], the logarithm of the number of positions that each entry stands for.
 *
 * Results: `keys` [decoder layers, heads, head width, positions + groups] and `values` [decoder layers, heads,
 * positions + groups, head width] for the decoder; the keys and values of each layer and `cross`, for the positions
 * alone.
 */
export async function buildEncoder(weights: Ct2Weights, shape: ModelShape, int8: boolean): Promise<Model> {
  const graph = new GraphBuilder('whisper_encoder');
  const writer = new LayerWriter(graph, weights, int8 ? 'tensorInt8' : 'float32');
  const encoder = new EncoderWriter(writer, weights, shape);
  let x = await encoder.embed(graph.input('features', 'float32', ['frames', shape.mels]));
  const silent = graph.input('silent', 'float32', ['groups', shape.encoderLayers * 2 * shape.width]);
  const bias = graph.input('weights', 'float32', ['context']);
  const silentParts = encoder.split(silent, shape.encoderLayers * 2);
  for (let layer = 0; layer < shape.encoderLayers; layer += 1) {
    const keys = silentParts[2 * layer]!;
    const values = silentParts[2 * layer + 1]!;
    x = await encoder.layer(x, layer, { keys, values, bias });
  }
  await encoder.cross(await writer.norm(x, 'encoder/layer_norm'));
  return graph.build({ opsets });
}

interface SilentRest {
  readonly keys: Value;
  readonly values: Value;
  readonly bias: Value;
}

class EncoderWriter {
  private readonly graph: GraphBuilder;

  constructor(
    private readonly writer: LayerWriter,
    private readonly weights: Ct2Weights,
    private readonly shape: ModelShape,
  ) {
    this.graph = writer.graph;
  }

  /**
   * Two convolutions of width 3, the second of stride 2, then the position embedding. The convolutions are written as
   * products over neighbouring frames.
   */
  async embed(features: Value): Promise<Value> {
    const { graph } = this;
    const { mels, width } = this.shape;
    const before = graph.op('Pad', [features, graph.ints(1, 0, 0, 0)]);
    const frames = graph.op('Shape', [features]);
    const count = graph.op('Sub', [graph.op('Slice', [frames, graph.ints(0), graph.ints(1)]), graph.ints(1)]);
    const neighbours = [0, 1, 2].map((offset) => {
      const start = graph.ints(offset);
      return graph.op('Slice', [before, start, graph.op('Add', [count, start]), graph.ints(0)]);
    });
    const first = await this.convolution(graph.op('Concat', neighbours, { axis: -1 }), 'encoder/conv1', mels);
    const pairs = graph.op('Reshape', [first, graph.ints(-1, 2 * width)]);
    const late = graph.op('Slice', [pairs, graph.ints(width), graph.ints(2 * width), graph.ints(1)]);
    const shifted = graph.op('Pad', [late, graph.ints(1, 0, -1, 0)]);
    const second = await this.convolution(graph.op('Concat', [shifted, pairs], { axis: -1 }), 'encoder/conv2', width);
    const table = await this.writer.weight('encoder/position_encodings/encodings');
    const positions = graph.op('Slice', [graph.op('Shape', [second]), graph.ints(0), graph.ints(1)]);
    return graph.op('Add', [second, graph.op('Slice', [table, graph.ints(0), positions, graph.ints(0)])]);
  }

  /** `x` holds three neighbours side by side. The kernel [out, in, 3] is transposed to match. */
  private async convolution(x: Value, name: string, inputs: number): Promise<Value> {
    const kernel = await this.weights.read(`${name}/weight`);
    const bias = await this.weights.read(`${name}/bias`);
    const outputs = bias.length;
    const values = new Float32Array(kernel.length);
    for (let index = 0; index < kernel.length; index += 1) {
      const [output, input, tap] = [Math.floor(index / (3 * inputs)), Math.floor(index / 3) % inputs, index % 3];
      values[(output * 3 + tap) * inputs + input] = kernel[index]!;
    }
    const result = this.writer.product(x, name, { outputs, inputs: 3 * inputs, values }, bias, 'float32');
    return this.graph.op('Gelu', [result], {}, { domain: 'com.microsoft' });
  }

  async layer(x: Value, index: number, silent: SilentRest): Promise<Value> {
    const { graph, writer } = this;
    const { width, headWidth } = this.shape;
    const name = `encoder/layer_${index}/self_attention`;
    const normed = await writer.norm(x, `${name}/layer_norm`);
    const scale = { scale: headWidth ** -0.5, scaledOutputs: width };
    const [queries, keys, values] = this.split(await writer.linear(normed, `${name}/linear_0`, scale), 3);
    const ownKeys = this.result(keys!, layerKeys(index), ['positions', width]);
    const ownValues = this.result(values!, layerValues(index), ['positions', width]);
    const allKeys = graph.op('Concat', [ownKeys, silent.keys], { axis: 0 });
    const allValues = graph.op('Concat', [ownValues, silent.values], { axis: 0 });
    const scores = graph.op('MatMul', [this.heads(queries!, [1, 0, 2]), this.heads(allKeys, [1, 2, 0])]);
    const shares = graph.op('Softmax', [graph.op('Add', [scores, silent.bias])], { axis: -1 });
    const mixed = graph.op('MatMul', [shares, this.heads(allValues, [1, 0, 2])]);
    const joined = graph.op('Transpose', [mixed], { perm: [1, 0, 2] });
    const output = await writer.linear(graph.op('Reshape', [joined, graph.ints(-1, width)]), `${name}/linear_1`);
    return writer.feedForward(graph.op('Add', [x, output]), `encoder/layer_${index}/ffn`);
  }

  /** Keys and values of every decoder layer, for the encoded positions and the silent rest. */
  async cross(x: Value): Promise<void> {
    const { graph, writer } = this;
    const { width, decoderLayers, heads, headWidth } = this.shape;
    const parts: Value[] = [];
    for (let layer = 0; layer < decoderLayers; layer += 1) {
      parts.push(await writer.linear(x, `decoder/layer_${layer}/attention/linear_1`));
    }
    const crossWidth = decoderLayers * 2 * width;
    const own = this.result(graph.op('Concat', parts, { axis: -1 }), 'cross', ['positions', crossWidth]);
    const silent = graph.input('silent_cross', 'float32', ['groups', crossWidth]);
    const all = graph.op('Concat', [own, silent], { axis: 0 });
    const parted = graph.op('Reshape', [all, graph.ints(-1, decoderLayers, 2, heads, headWidth)]);
    const [keys, values] = graph.ops('Split', [parted], 2, { axis: 2, num_outputs: 2 });
    const flat = (value: Value): Value => graph.op('Squeeze', [value, graph.ints(2)]);
    const turnedKeys = graph.op('Transpose', [flat(keys!)], { perm: [1, 2, 3, 0] });
    const turnedValues = graph.op('Transpose', [flat(values!)], { perm: [1, 2, 0, 3] });
    this.result(turnedKeys, 'keys', [decoderLayers, heads, headWidth, 'context']);
    this.result(turnedValues, 'values', [decoderLayers, heads, 'context', headWidth]);
  }

  /** Cuts the last axis into equal parts. */
  split(value: Value, count: number): Value[] {
    return this.graph.ops('Split', [value], count, { axis: -1, num_outputs: count });
  }

  private heads(value: Value, perm: readonly number[]): Value {
    const { heads, headWidth } = this.shape;
    const parted = this.graph.op('Reshape', [value, this.graph.ints(-1, heads, headWidth)]);
    return this.graph.op('Transpose', [parted], { perm });
  }

  private result(value: Value, name: string, dims: readonly (number | string)[]): Value {
    const named = this.graph.rename(value, name);
    this.graph.output(named, 'float32', dims);
    return named;
  }
}
