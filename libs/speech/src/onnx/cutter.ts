import { SpeechError } from '../speech-error';
import { change, graphOf } from './codec';
import type { DataTypeName, Dimension, Graph, Model, Node, Tensor, ValueInfo } from './model';
import { valueInfo } from './tensor';

/** An input or output of the extracted graph. `type` and `dims` are needed only if the file does not give them. */
export interface Boundary {
  readonly tensor: string;
  /** New name. Default: its name in the model. */
  readonly as?: string;
  readonly type?: DataTypeName;
  readonly dims?: readonly Dimension[];
}

/**
 * Extracts the part of a model that computes `outputs` from `inputs`. Inputs of the model that are still needed follow
 * the given ones. Nodes and weights that are not needed are dropped.
 */
export function extractGraph(
  model: Model,
  edges: { readonly inputs: readonly Boundary[]; readonly outputs: readonly Boundary[] },
): Model {
  const graph = graphOf(model);
  for (const list of [edges.inputs, edges.outputs]) {
    const seen = new Set<string>();
    for (const { tensor } of list) {
      requireValue(graph, tensor);
      if (seen.has(tensor)) throw new SpeechError(`the value "${tensor}" is asked for twice`);
      seen.add(tensor);
    }
  }
  const given = new Set(edges.inputs.map(({ tensor }) => tensor));
  const outputs = edges.outputs.map(({ tensor }) => tensor);
  const { nodes, needed } = walkBack(graph, given, outputs);
  const fromWhole = graph.input.filter(({ name }) => needed.has(name) && !given.has(name));
  const part = change(graph, {
    node: graph.node.filter((node) => nodes.has(node)),
    initializer: graph.initializer.filter(({ name }) => needed.has(name) && !given.has(name)),
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => needed.has(values?.name ?? '')),
    valueInfo: graph.valueInfo.filter(({ name }) => needed.has(name) && !given.has(name) && !outputs.includes(name)),
    input: [...edges.inputs.map((edge) => describe(graph, edge)), ...fromWhole],
    output: edges.outputs.map((edge) => describe(graph, edge)),
  });
  const renamed = [...edges.inputs, ...edges.outputs].filter(({ tensor, as }) => as !== undefined && as !== tensor);
  return change(model, { graph: renamed.reduce((done, { tensor, as = tensor }) => rename(done, tensor, as), part) });
}

/** Removes a node with one result. The graph input `input` replaces the result. */
export function replaceNodeByInput(
  model: Model,
  nodeName: string,
  input: { readonly name: string; readonly type: DataTypeName; readonly dims?: readonly Dimension[] },
): Model {
  const graph = graphOf(model);
  const node = graph.node.find(({ name }) => name === nodeName);
  if (!node) throw new SpeechError(`the ONNX graph has no node "${nodeName}"`);
  const made = node.output.filter((name) => name !== '');
  const [result] = made;
  if (result === undefined || made.length > 1) throw new SpeechError(`node "${nodeName}" has not exactly one result`);
  if (graph.output.some(({ name }) => name === result)) {
    throw new SpeechError(`the result of node "${nodeName}" is an output of the graph`);
  }
  if (valueNames(graph).has(input.name)) throw new SpeechError(`the ONNX graph has a value "${input.name}" already`);
  const part = change(graph, {
    node: graph.node.filter((other) => other !== node).map((other) => renameReads(other, result, input.name)),
    valueInfo: graph.valueInfo.filter(({ name }) => name !== result),
    input: [...graph.input, valueInfo(input.name, input.type, input.dims)],
  });
  return change(model, { graph: part });
}

/** The nodes and values on which `outputs` depend, up to the given values. */
function walkBack(
  graph: Graph,
  given: ReadonlySet<string>,
  outputs: readonly string[],
): { nodes: Set<Node>; needed: Set<string> } {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const nodes = new Set<Node>();
  const needed = new Set<string>();
  const open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const maker = given.has(name) ? undefined : makers.get(name);
    if (!maker || nodes.has(maker)) continue;
    nodes.add(maker);
    open.push(...reads(maker));
  }
  return { nodes, needed };
}

/** Every value that a node reads, including those that its sub-graphs read from outside. */
function reads(node: Node): Set<string> {
  const names = new Set(node.input.filter((name) => name !== ''));
  for (const body of bodies(node)) {
    const own = valueNames(body);
    const used = [...body.node.flatMap((inner) => [...reads(inner)]), ...body.output.map(({ name }) => name)];
    for (const name of used) if (!own.has(name)) names.add(name);
  }
  return names;
}

function bodies(node: Node): Graph[] {
  return node.attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]);
}

function valueNames(graph: Graph): Set<string> {
  return new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ''),
    ...graph.node.flatMap(({ output }) => output),
  ]);
}

/** Renames a value wherever it is made, read or described. */
function rename(graph: Graph, from: string, to: string): Graph {
  if (from === to) return graph;
  if (valueNames(graph).has(to)) throw new SpeechError(`the ONNX graph has a value "${to}" already`);
  const swap = (name: string): string => (name === from ? to : name);
  const swapInfo = (info: ValueInfo): ValueInfo => (info.name === from ? change(info, { name: to }) : info);
  return change(graph, {
    node: graph.node.map((node) => {
      const made = node.output.includes(from) ? change(node, { output: node.output.map(swap) }) : node;
      return renameReads(made, from, to);
    }),
    initializer: graph.initializer.map((tensor) => (tensor.name === from ? change(tensor, { name: to }) : tensor)),
    input: graph.input.map(swapInfo),
    output: graph.output.map(swapInfo),
    valueInfo: graph.valueInfo.map(swapInfo),
  });
}

function renameReads(node: Node, from: string, to: string): Node {
  if (!reads(node).has(from)) return node;
  const swap = (name: string): string => (name === from ? to : name);
  const renameBody = (body: Graph): Graph =>
    valueNames(body).has(from)
      ? body
      : change(body, {
          node: body.node.map((inner) => renameReads(inner, from, to)),
          output: body.output.map((info) => change(info, { name: swap(info.name) })),
        });
  return change(node, {
    input: node.input.map(swap),
    attribute: node.attribute.map((attribute) =>
      change(attribute, {
        ...(attribute.g ? { g: renameBody(attribute.g) } : {}),
        ...(attribute.graphs.length > 0 ? { graphs: attribute.graphs.map(renameBody) } : {}),
      }),
    ),
  });
}

function describe(graph: Graph, edge: Boundary): ValueInfo {
  if (edge.type) return valueInfo(edge.tensor, edge.type, edge.dims);
  const known = [...graph.output, ...graph.input, ...graph.valueInfo].find(({ name }) => name === edge.tensor);
  if (!known) throw new SpeechError(`the ONNX graph does not say the type of "${edge.tensor}": it must be given`);
  return known;
}

function requireValue(graph: Graph, name: string): void {
  if (!valueNames(graph).has(name)) throw new SpeechError(`the ONNX graph has no value "${name}"`);
}

/** Fixes an input to a value, which becomes a weight. */
export function bindInput(model: Model, value: Tensor): Model {
  const graph = graphOf(model);
  if (!graph.input.some(({ name }) => name === value.name)) {
    throw new SpeechError(`the ONNX graph has no input "${value.name}"`);
  }
  const input = graph.input.filter(({ name }) => name !== value.name);
  return change(model, { graph: change(graph, { input, initializer: [...graph.initializer, value] }) });
}

/**
 * Replaces the nodes that make the one output of `part` by `part`. The output and the inputs of `part` have the names
 * of the model's values. Nodes and weights that are no longer needed are dropped.
 */
export function substitute(model: Model, part: Graph): Model {
  const graph = graphOf(model);
  const names = valueNames(graph);
  const result = part.output[0]?.name ?? '';
  for (const { name } of [...part.input, ...part.output]) requireValue(graph, name);
  const given = new Set(part.input.map(({ name }) => name));
  const clash = [...valueNames(part)].find((name) => name !== result && !given.has(name) && names.has(name));
  if (clash !== undefined) throw new SpeechError(`the ONNX graph has a value "${clash}" already`);
  const whole = change(graph, {
    node: graph.node.flatMap((node) => (node.output.includes(result) ? part.node : [node])),
    initializer: [...graph.initializer, ...part.initializer],
  });
  const outputs = graph.output.map(({ name }) => ({ tensor: name }));
  const pruned = graphOf(extractGraph(change(model, { graph: whole }), { inputs: [], outputs }));
  return change(model, { graph: change(pruned, { input: graph.input }) });
}
