import { GraphBuilder, type Model, type Value } from '../../onnx';
import type { Ct2Weights } from './ct2-weights';
import { opsets } from './encoder-graph';
import { LayerWriter } from './layer-writer';
import type { ModelShape } from './model-shape';

/** Names of the decoder's inputs and results that exist for each layer. */
export const layerNames = (layer: number) => ({
  pastKeys: `past_keys_${layer}`,
  pastValues: `past_values_${layer}`,
  crossKeys: `cross_keys_${layer}`,
  crossValues: `cross_values_${layer}`,
  newKeys: `new_keys_${layer}`,
  newValues: `new_values_${layer}`,
  attention: `attention_${layer}`,
});

/**
 * One step of the decoder for a batch of rows that have the same number of tokens.
 *
 * Inputs: `tokens` [rows, steps]; `positions` [steps]; `past_keys_N` and `past_values_N` [past, rows, width];
 * `cross_keys_N` [rows, heads, head width, context] and `cross_values_N` [rows, heads, context, head width];
 * `context_weights` [rows, 1, 1, context], added to the scores; `causal` [steps, past + steps], added to the scores;
 * `mask` [steps, vocabulary], added to the logits; `watched` [tokens], the ids whose probability is returned.
 *
 * Results: `chosen` [rows, steps], the likeliest tokens; `log_probability` [rows, steps] of those;
 * `watched_log_probability` [rows, steps, watched]; `new_keys_N` and `new_values_N` [steps, rows, width]; `attention_N`
 * [rows, heads, steps, context] for the layers of `attentionLayers`.
 */
export async function buildDecoder(
  weights: Ct2Weights,
  shape: ModelShape,
  int8: boolean,
  attentionLayers: ReadonlySet<number>,
): Promise<Model> {
  const graph = new GraphBuilder('whisper_decoder');
  const writer = new LayerWriter(graph, weights, int8 ? 'rowInt8' : 'float32');
  const decoder = new DecoderWriter(writer, weights, shape);
  let x = await decoder.embed();
  for (let layer = 0; layer < shape.decoderLayers; layer += 1) {
    x = await decoder.selfAttention(x, layer);
    x = await decoder.crossAttention(x, layer, attentionLayers.has(layer));
    x = await writer.feedForward(x, `decoder/layer_${layer}/ffn`);
  }
  await decoder.choose(await writer.norm(x, 'decoder/layer_norm'));
  return graph.build({ opsets });
}

class DecoderWriter {
  private readonly graph: GraphBuilder;
  private readonly causal: Value;
  private readonly contextWeights: Value;

  constructor(
    private readonly writer: LayerWriter,
    private readonly weights: Ct2Weights,
    private readonly shape: ModelShape,
  ) {
    this.graph = writer.graph;
    this.causal = this.graph.input('causal', 'float32', ['steps', 'past_and_steps']);
    this.contextWeights = this.graph.input('context_weights', 'float32', ['rows', 1, 1, 'context']);
  }

  /** The table stays in half precision, as in the file. Only the rows that are looked up become float32. */
  async embed(): Promise<Value> {
    const { graph, weights } = this;
    const tokens = graph.input('tokens', 'int64', ['rows', 'steps']);
    const positions = graph.input('positions', 'int64', ['steps']);
    const name = 'decoder/embeddings/weight';
    const halves = await weights.readHalves(name);
    const table = graph.initializer('decoder/embeddings/halves', 'float16', weights.dims(name), halves);
    const embedded = graph.op('Cast', [graph.op('Gather', [table, tokens])], { to: 1 });
    const places = await this.writer.weight('decoder/position_encodings/encodings');
    return graph.op('Add', [embedded, graph.op('Gather', [places, positions])]);
  }

  async selfAttention(x: Value, layer: number): Promise<Value> {
    const { graph, writer } = this;
    const { width, headWidth } = this.shape;
    const names = layerNames(layer);
    const prefix = `decoder/layer_${layer}/self_attention`;
    const normed = await writer.norm(x, `${prefix}/layer_norm`);
    const scale = { scale: headWidth ** -0.5, scaledOutputs: width };
    const joined = await writer.linear(normed, `${prefix}/linear_0`, scale);
    const [queries, keys, values] = graph.ops('Split', [joined], 3, { axis: -1, num_outputs: 3 });
    const allKeys = this.appended(names.pastKeys, keys!, names.newKeys);
    const allValues = this.appended(names.pastValues, values!, names.newValues);
    const scores = graph.op('MatMul', [this.queryHeads(queries!), this.pastHeads(allKeys, [1, 2, 3, 0])]);
    const shares = graph.op('Softmax', [graph.op('Add', [scores, this.causal])], { axis: -1 });
    const mixed = graph.op('MatMul', [shares, this.pastHeads(allValues, [1, 2, 0, 3])]);
    return graph.op('Add', [x, await writer.linear(this.merged(mixed), `${prefix}/linear_1`)]);
  }

  async crossAttention(x: Value, layer: number, shown: boolean): Promise<Value> {
    const { graph, writer } = this;
    const { width, heads, headWidth } = this.shape;
    const names = layerNames(layer);
    const prefix = `decoder/layer_${layer}/attention`;
    const keys = graph.input(names.crossKeys, 'float32', ['rows', heads, headWidth, 'context']);
    const values = graph.input(names.crossValues, 'float32', ['rows', heads, 'context', headWidth]);
    const normed = await writer.norm(x, `${prefix}/layer_norm`);
    const scale = { scale: headWidth ** -0.5, scaledOutputs: width };
    const queries = this.queryHeads(await writer.linear(normed, `${prefix}/linear_0`, scale));
    const scores = graph.op('Add', [graph.op('MatMul', [queries, keys]), this.contextWeights]);
    const shares = graph.op('Softmax', [scores], { axis: -1 }, shown ? { name: names.attention } : {});
    if (shown) graph.output(shares, 'float32', ['rows', heads, 'steps', 'context']);
    const mixed = graph.op('MatMul', [shares, values]);
    return graph.op('Add', [x, await writer.linear(this.merged(mixed), `${prefix}/linear_2`)]);
  }

  /** The likeliest tokens, with their probabilities and those of the watched ones. */
  async choose(x: Value): Promise<void> {
    const { graph } = this;
    const mask = graph.input('mask', 'float32', ['steps', this.shape.vocabulary]);
    const watched = graph.input('watched', 'int64', ['watched']);
    const logits = await this.writer.linear(x, 'decoder/projection');
    const likelihood = graph.op('LogSoftmax', [graph.op('Add', [logits, mask])], { axis: -1 });
    const chosen = graph.op('ArgMax', [likelihood], { axis: -1, keepdims: 0 }, { name: 'chosen' });
    graph.output(chosen, 'int64', ['rows', 'steps']);
    const best = graph.op('ReduceMax', [likelihood, graph.ints(-1)], { keepdims: 0 }, { name: 'log_probability' });
    graph.output(best, 'float32', ['rows', 'steps']);
    const seen = graph.op('Gather', [likelihood, watched], { axis: 2 }, { name: 'watched_log_probability' });
    graph.output(seen, 'float32', ['rows', 'steps', 'watched']);
  }

  /** Appends [rows, steps, width] to the past as [steps, rows, width] and makes the new part a result. */
  private appended(past: string, value: Value, name: string): Value {
    const { graph } = this;
    const { width } = this.shape;
    const held = graph.input(past, 'float32', ['past', 'rows', width]);
    const fresh = graph.op('Transpose', [value], { perm: [1, 0, 2] }, { name });
    graph.output(fresh, 'float32', ['steps', 'rows', width]);
    return graph.op('Concat', [held, fresh], { axis: 0 });
  }

  /** [rows, steps, width] to [rows, heads, steps, head width]. */
  private queryHeads(value: Value): Value {
    const { heads, headWidth } = this.shape;
    const parted = this.graph.op('Reshape', [value, this.graph.ints(0, 0, heads, headWidth)]);
    return this.graph.op('Transpose', [parted], { perm: [0, 2, 1, 3] });
  }

  /** [positions, rows, width] with the heads as an axis of their own and the axes in another order. */
  private pastHeads(value: Value, perm: readonly number[]): Value {
    const { heads, headWidth } = this.shape;
    const parted = this.graph.op('Reshape', [value, this.graph.ints(0, 0, heads, headWidth)]);
    return this.graph.op('Transpose', [parted], { perm });
  }

  private merged(mixed: Value): Value {
    const turned = this.graph.op('Transpose', [mixed], { perm: [0, 2, 1, 3] });
    return this.graph.op('Reshape', [turned, this.graph.ints(0, 0, this.shape.width)]);
  }
}
