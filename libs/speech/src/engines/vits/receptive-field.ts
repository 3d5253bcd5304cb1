import { dimsOf, graphOf, toNumber, type Model, type Node } from '../../onnx';
import { SpeechError } from '../../speech-error';

/** How one value of a graph depends on another along the last axis. */
export interface ReceptiveField {
  /** Samples of the result per sample of the source. */
  readonly scale: number;
  /**
   * Number of source samples on which a sample of the result depends, on the side that reaches further. Not rounded.
   */
  readonly reach: number;
}

/**
 * Computes the receptive field from `from` to `to` over convolutions and operators that work on each sample alone. It
 * gives the context that a window needs to sound like the whole utterance. Throws if `to` does not depend on `from`.
 */
export function receptiveField(model: Model, from: string, to: string): ReceptiveField {
  const graph = graphOf(model);
  const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const fields = new Map<string, ReceptiveField>([[from, { scale: 1, reach: 0 }]]);
  for (const node of graph.node) {
    const sources = node.input.flatMap((name) => fields.get(name) ?? []);
    const [first] = sources;
    if (!first) continue;
    const reach = Math.max(...sources.map((source) => source.reach));
    const kernel = weights.get(node.input[1] ?? '');
    const field = through(node, { scale: first.scale, reach }, kernel ? (dimsOf(kernel).at(-1) ?? 1) : 1);
    for (const name of node.output) if (!fields.has(name)) fields.set(name, field);
  }
  const field = fields.get(to);
  if (!field) throw new SpeechError(`in the ONNX graph "${to}" does not depend on "${from}"`);
  return field;
}

function through(node: Node, source: ReceptiveField, kernel: number): ReceptiveField {
  const attribute = (name: string): number[] =>
    node.attribute.find((candidate) => candidate.name === name)?.ints.map(toNumber) ?? [];
  const span = (kernel - 1) * (attribute('dilations').at(-1) ?? 1);
  const stride = attribute('strides').at(-1) ?? 1;
  const pads = attribute('pads');
  const before = pads[pads.length / 2 - 1] ?? 0;
  if (node.opType === 'Conv') {
    return { scale: source.scale / stride, reach: source.reach + Math.max(before, span - before) / source.scale };
  }
  if (node.opType === 'ConvTranspose') {
    const reach = Math.max(Math.floor((span - before) / stride), Math.floor((stride - 1 + before) / stride));
    return { scale: source.scale * stride, reach: source.reach + reach / source.scale };
  }
  return source;
}
