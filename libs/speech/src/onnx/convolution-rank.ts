import { change, create, graphOf } from './codec';
import { SpeechError } from '../speech-error';
import type { Attribute, Graph, Model, Node, Tensor } from './model';
import { dimsOf, tensor, toNumber } from './tensor';

const axes = 'widened_axes';

/**
 * Makes every one-dimensional convolution a two-dimensional one of height 1. The results are the same up to rounding.
 * ONNX Runtime has fast blocked kernels for two dimensions only. Needs operator set 13 or newer.
 */
export function widenConvolutions(model: Model): Model {
  const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  if (!opset || toNumber(opset.version) < 13) throw new SpeechError('convolutions are widened from operator set 13 on');
  const graph = graphOf(model);
  const weights = new Map(graph.initializer.map((weight) => [weight.name, weight]));
  const widened = new Set(graph.node.filter((node) => isNarrow(node, weights)).map(({ input }) => input[1] ?? ''));
  if (widened.size === 0) return model;
  refuseSharedWeights(graph, widened);
  const wide = (weight: Tensor): Tensor => {
    const [filters, channels, kernel] = weight.dims;
    return widened.has(weight.name) ? change(weight, { dims: [filters ?? 0, channels ?? 0, 1, kernel ?? 0] }) : weight;
  };
  const part = change(graph, {
    node: graph.node.flatMap((node) => (isNarrow(node, weights) ? widen(node) : [node])),
    initializer: [...graph.initializer.map(wide), tensor(axes, 'int64', [1], BigInt64Array.of(2n))],
  });
  return change(model, { graph: part });
}

function isNarrow(node: Node, weights: ReadonlyMap<string, Tensor>): boolean {
  const weight = weights.get(node.input[1] ?? '');
  const convolves = node.opType === 'Conv' || node.opType === 'ConvTranspose';
  return convolves && weight !== undefined && dimsOf(weight).length === 3;
}

function refuseSharedWeights(graph: Graph, widened: ReadonlySet<string>): void {
  for (const { opType, input } of graph.node) {
    const shared = input.find((name, index) => widened.has(name) && (index !== 1 || !opType.startsWith('Conv')));
    if (shared !== undefined) throw new SpeechError(`weight "${shared}" is used by a ${opType} beside a convolution`);
  }
}

function widen(node: Node): Node[] {
  const [source = '', ...weights] = node.input;
  const [result = ''] = node.output;
  const [raised, wide] = [`${result}_raised`, `${result}_wide`];
  const reshape = (opType: string, input: string, output: string): Node =>
    create('NodeProto', { opType, name: `${output}_reshape`, input: [input, axes], output: [output] });
  return [
    reshape('Unsqueeze', source, raised),
    change(node, { input: [raised, ...weights], output: [wide], attribute: node.attribute.map(widenAttribute) }),
    reshape('Squeeze', wide, result),
  ];
}

function widenAttribute(attribute: Attribute): Attribute {
  const [first = 0, second = 0] = attribute.ints;
  switch (attribute.name) {
    case 'kernel_shape':
    case 'dilations':
    case 'strides':
      return change(attribute, { ints: [1, first] });
    case 'pads':
      return change(attribute, { ints: [0, first, 0, second] });
    case 'output_padding':
      return change(attribute, { ints: [0, first] });
    default:
      return attribute;
  }
}
