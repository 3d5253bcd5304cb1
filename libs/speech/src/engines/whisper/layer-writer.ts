import { GraphBuilder, type Value } from '../../onnx';
import type { Ct2Weights } from './ct2-weights';

/**
 * How a matrix product is computed. `float32`: without quantisation. `tensorInt8`: activations are quantised over the
 * whole tensor, which is fastest for many rows. `rowInt8`: each row is quantised alone, so that the rows of a batch
 * cannot change one another.
 */
export type Arithmetic = 'float32' | 'tensorInt8' | 'rowInt8';

/** How a layer differs from the others of its graph. */
export interface LinearOptions {
  readonly arithmetic?: Arithmetic;
  /** Factor of the first `scaledOutputs` results, folded into the weights. */
  readonly scale?: number;
  readonly scaledOutputs?: number;
}

interface Matrix {
  readonly outputs: number;
  readonly inputs: number;
  readonly values: Float32Array;
}

const microsoft = { domain: 'com.microsoft' };
const layerNormEpsilon = 1e-5;
/**
 * Number of inputs that share a scale in `rowInt8`. It divides the width of every published Whisper model. With larger
 * blocks ONNX Runtime computes a single row differently from a row among others, and the last bits differ.
 */
const blockInputs = 64;
/** Seven bits. On processors without VNNI the sum of two products of eight bits overflows 16 bits. */
const tensorInt8Peak = 63;

/** Adds Whisper's layers to a graph, with weights from the model file. */
export class LayerWriter {
  constructor(
    readonly graph: GraphBuilder,
    private readonly weights: Ct2Weights,
    private readonly arithmetic: Arithmetic,
  ) {}

  /** A weight, unchanged. */
  async weight(name: string): Promise<Value> {
    return this.graph.initializer(name, 'float32', this.weights.dims(name), await this.weights.read(name));
  }

  /** x · weight^T + bias, over the last axis. */
  async linear(x: Value, name: string, options: LinearOptions = {}): Promise<Value> {
    const { scale = 1, scaledOutputs = 0 } = options;
    const [outputs = 0, inputs = 0] = this.weights.dims(`${name}/weight`);
    const values = await this.weights.read(`${name}/weight`);
    const bias = this.weights.has(`${name}/bias`) ? await this.weights.read(`${name}/bias`) : undefined;
    for (let index = 0; index < scaledOutputs * inputs; index += 1) values[index]! *= scale;
    for (let index = 0; bias && index < scaledOutputs; index += 1) bias[index]! *= scale;
    return this.product(x, name, { outputs, inputs, values }, bias, options.arithmetic);
  }

  /** x · matrix^T + bias for a matrix [outputs, inputs]. */
  product(x: Value, name: string, matrix: Matrix, bias?: Float32Array, arithmetic = this.arithmetic): Value {
    const offset = bias && this.graph.initializer(`${name}/bias`, 'float32', [matrix.outputs], bias);
    switch (arithmetic) {
      case 'float32':
        return this.floatProduct(x, name, matrix, offset);
      case 'tensorInt8':
        return this.tensorInt8Product(x, name, matrix, offset);
      case 'rowInt8':
        return this.rowInt8Product(x, name, matrix, offset);
    }
  }

  async norm(x: Value, name: string): Promise<Value> {
    const gamma = await this.weight(`${name}/gamma`);
    const beta = await this.weight(`${name}/beta`);
    return this.graph.op('LayerNormalization', [x, gamma, beta], { axis: -1, epsilon: layerNormEpsilon });
  }

  /** The two-layer feed-forward network of a block, with the residual connection. */
  async feedForward(x: Value, name: string): Promise<Value> {
    const wide = await this.linear(await this.norm(x, `${name}/layer_norm`), `${name}/linear_0`);
    const narrow = await this.linear(this.graph.op('Gelu', [wide], {}, microsoft), `${name}/linear_1`);
    return this.graph.op('Add', [x, narrow]);
  }

  private floatProduct(x: Value, name: string, { outputs, inputs, values }: Matrix, bias?: Value): Value {
    const turned = new Float32Array(values.length);
    for (let output = 0; output < outputs; output += 1) {
      for (let input = 0; input < inputs; input += 1)
        turned[input * outputs + output] = values[output * inputs + input]!;
    }
    const weight = this.graph.initializer(`${name}/weight`, 'float32', [inputs, outputs], turned);
    const result = this.graph.op('MatMul', [x, weight]);
    return bias === undefined ? result : this.graph.op('Add', [result, bias]);
  }

  private tensorInt8Product(x: Value, name: string, { outputs, inputs, values }: Matrix, bias?: Value): Value {
    const turned = new Int8Array(values.length);
    const scales = new Float32Array(outputs);
    for (let output = 0; output < outputs; output += 1) {
      const row = values.subarray(output * inputs, (output + 1) * inputs);
      const scale = peakOf(row) / tensorInt8Peak || 1;
      scales[output] = scale;
      for (let input = 0; input < inputs; input += 1)
        turned[input * outputs + output] = Math.round(row[input]! / scale);
    }
    const weight = this.graph.initializer(`${name}/weight`, 'int8', [inputs, outputs], turned);
    const scale = this.graph.initializer(`${name}/scale`, 'float32', [outputs], scales);
    const operands = bias === undefined ? [x, weight, scale] : [x, weight, scale, '', bias];
    return this.graph.op('DynamicQuantizeMatMul', operands, {}, microsoft);
  }

  private rowInt8Product(x: Value, name: string, { outputs, inputs, values }: Matrix, bias?: Value): Value {
    const blocks = Math.ceil(inputs / blockInputs);
    const codes = new Uint8Array(outputs * blocks * blockInputs).fill(128);
    const scales = new Float32Array(outputs * blocks);
    for (let output = 0; output < outputs; output += 1) {
      for (let block = 0; block < blocks; block += 1) {
        const first = output * inputs + block * blockInputs;
        const row = values.subarray(first, Math.min(first + blockInputs, (output + 1) * inputs));
        const scale = peakOf(row) / 127 || 1;
        const place = output * blocks + block;
        scales[place] = scale;
        for (let input = 0; input < row.length; input += 1) {
          codes[place * blockInputs + input] = 128 + Math.round(row[input]! / scale);
        }
      }
    }
    const weight = this.graph.initializer(`${name}/weight`, 'uint8', [outputs, blocks, blockInputs], codes);
    const scale = this.graph.initializer(`${name}/scale`, 'float32', [outputs * blocks], scales);
    const operands = bias === undefined ? [x, weight, scale] : [x, weight, scale, '', '', bias];
    const attributes = { K: inputs, N: outputs, bits: 8, block_size: blockInputs, accuracy_level: 4 };
    return this.graph.op('MatMulNBits', operands, attributes, microsoft);
  }
}

function peakOf(values: Float32Array): number {
  let peak = 0;
  for (const value of values) peak = Math.max(peak, Math.abs(value));
  return peak;
}
