import { dimsOf, graphOf, GraphBuilder, substitute, type Graph, type Model, type Node, type Value } from '../../onnx';

/** Limits of the splines, fixed in VITS. A spline is the identity outside [-bound, bound]. */
const bound = 5;
const least = 1e-3;

/**
 * Replaces the splines of the duration predictor's flows by smaller graphs with the same results. The exporter writes
 * four hundred nodes for each spline of ten pieces, and most of them compute shapes. Fifty nodes do the same and load
 * and run in a fraction of the time. Flows that do not have the expected form stay as they are.
 */
export function simplifySplines(model: Model): Model {
  const graph = graphOf(model);
  const projections = graph.node.filter(
    ({ opType, name }) => opType === 'Conv' && /^\/dp\/flows\.\d+\/proj\/Conv$/.test(name),
  );
  return projections.reduce((done, projection) => {
    const spline = findSpline(graphOf(done), projection);
    return spline ? substitute(done, buildSpline(spline)) : done;
  }, model);
}

interface Spline {
  readonly name: string;
  /** [1, 1, ids]: the value that is mapped, and the name of the result. */
  readonly source: Value;
  readonly result: Value;
  /** [1, 3 bins - 1, ids]: widths, heights and inner slopes. */
  readonly parameters: Value;
  readonly bins: number;
  /** Divisor of widths and heights. */
  readonly temperature: number;
}

function findSpline(graph: Graph, projection: Node): Spline | undefined {
  const name = projection.name.replace(/\/proj\/Conv$/, '');
  const weight = graph.initializer.find((candidate) => candidate.name === projection.input[1]);
  const [parameters = 0, channels = 0] = weight ? dimsOf(weight) : [];
  const masked = graph.node.find(({ opType, input }) => opType === 'Mul' && input[0] === projection.output[0]);
  const split = graph.node.find((node) => node.opType === 'Split' && node.name === `${name}/Split`);
  const joined = graph.node.find(({ opType, input }) => opType === 'Concat' && input[0] === split?.output[0]);
  const [source, result] = [split?.output[1], joined?.input[1]];
  if (parameters % 3 !== 2 || !masked?.output[0] || !source || !result) return undefined;
  const bins = (parameters + 1) / 3;
  return { name, source, result, parameters: masked.output[0], bins, temperature: Math.sqrt(channels) };
}

function buildSpline(spline: Spline): Graph {
  const graph = new GraphBuilder(`${spline.name}/spline`, new GraphBuilder(spline.name));
  const x = graph.input(spline.source, 'float32');
  const parameters = graph.input(spline.parameters, 'float32');
  const y = invert(graph, x, choosePiece(graph, x, pieces(graph, parameters, spline)));
  const inside = graph.op('LessOrEqual', [graph.op('Abs', [x]), graph.scalar(bound)]);
  graph.output(graph.op('Where', [inside, y, x], {}, { name: spline.result }), 'float32');
  return graph.buildGraph();
}

/**
 * Lower edges, sizes and slopes of all pieces. Edges and sizes are [2, bins, ids]: first the widths, then the heights.
 */
interface Pieces {
  readonly lower: Value;
  readonly sizes: Value;
  /** [1, bins, ids], at the lower and at the upper edge. */
  readonly slopes: readonly [Value, Value];
}

function pieces(graph: GraphBuilder, parameters: Value, { bins, temperature }: Spline): Pieces {
  const sizes = [graph.ints(2 * bins, bins - 1)];
  const [widthsAndHeights = '', inner = ''] = graph.ops('Split', [parameters, ...sizes], 2, { axis: 1 });
  const logits = graph.op('Reshape', [widthsAndHeights, graph.ints(2, bins, -1)]);
  const shares = graph.op('Softmax', [graph.op('Div', [logits, graph.scalar(temperature)])], { axis: 1 });
  const floored = graph.op('Add', [graph.op('Mul', [shares, graph.scalar(1 - least * bins)]), graph.scalar(least)]);
  const sums = graph.op('CumSum', [floored, graph.int(1)]);
  const upper = graph.op('Add', [graph.op('Mul', [sums, graph.scalar(2 * bound)]), graph.scalar(-bound)]);
  const innerEdges = graph.op('Slice', [upper, graph.ints(0), graph.ints(bins - 1), graph.ints(1)]);
  const begun = graph.op('Pad', [innerEdges, graph.ints(0, 1, 0, 0, 0, 0), graph.scalar(-bound)]);
  const edges = graph.op('Pad', [begun, graph.ints(0, 0, 0, 0, 1, 0), graph.scalar(bound)]);
  const lower = firstOf(graph, edges, bins);
  // The slope at both ends is 1, as outside the bounds.
  const end = graph.scalar(Math.log(Math.exp(1 - least) - 1));
  const padded = graph.op('Pad', [inner, graph.ints(0, 1, 0, 0, 1, 0), end]);
  const slopes = graph.op('Add', [graph.op('Softplus', [padded]), graph.scalar(least)]);
  return {
    lower,
    sizes: graph.op('Sub', [lastOf(graph, edges, bins), lower]),
    slopes: [firstOf(graph, slopes, bins), lastOf(graph, slopes, bins)],
  };
}

const firstOf = (graph: GraphBuilder, value: Value, count: number): Value =>
  graph.op('Slice', [value, graph.ints(0), graph.ints(count), graph.ints(1)]);

const lastOf = (graph: GraphBuilder, value: Value, count: number): Value =>
  graph.op('Slice', [value, graph.ints(1), graph.ints(count + 1), graph.ints(1)]);

/** The piece that contains a value. Each field is [1, 1, ids]. */
interface Piece {
  readonly left: Value;
  readonly bottom: Value;
  readonly width: Value;
  readonly height: Value;
  readonly lowerSlope: Value;
  readonly upperSlope: Value;
}

/**
 * Finds the piece by the heights. Each field is multiplied by 1 for that piece and by 0 for all others, then summed.
 */
function choosePiece(graph: GraphBuilder, x: Value, { lower, sizes, slopes }: Pieces): Piece {
  const [, bottoms = ''] = graph.ops('Split', [lower, graph.ints(1, 1)], 2, { axis: 0 });
  const reached = graph.op('Cast', [graph.op('GreaterOrEqual', [x, bottoms])], { to: 1 });
  const shifted = graph.op('Slice', [reached, graph.ints(1), graph.ints(2 ** 31 - 1), graph.ints(1)]);
  const beyond = graph.op('Pad', [shifted, graph.ints(0, 0, 0, 0, 1, 0)]);
  const chosen = graph.op('Sub', [reached, beyond]);
  const table = graph.op('Concat', [lower, sizes, ...slopes], { axis: 0 });
  const values = graph.op('ReduceSum', [graph.op('Mul', [table, chosen]), graph.ints(1)], { keepdims: 1 });
  const [left = '', bottom = '', width = '', height = '', lowerSlope = '', upperSlope = ''] = graph.ops(
    'Split',
    [values, graph.ints(1, 1, 1, 1, 1, 1)],
    6,
    { axis: 0 },
  );
  return { left, bottom, width, height, lowerSlope, upperSlope };
}

/** Solves the rational quadratic function of the piece for the position at which it takes the value x. */
function invert(graph: GraphBuilder, x: Value, piece: Piece): Value {
  const add = (a: Value, b: Value): Value => graph.op('Add', [a, b]);
  const subtract = (a: Value, b: Value): Value => graph.op('Sub', [a, b]);
  const multiply = (a: Value, b: Value): Value => graph.op('Mul', [a, b]);
  const { left, bottom, width, height, lowerSlope, upperSlope } = piece;
  const mean = graph.op('Div', [height, width]);
  const above = subtract(x, bottom);
  const bend = multiply(above, subtract(add(lowerSlope, upperSlope), multiply(mean, graph.scalar(2))));
  const a = add(bend, multiply(height, subtract(mean, lowerSlope)));
  const b = subtract(multiply(height, lowerSlope), bend);
  const c = multiply(graph.op('Neg', [mean]), above);
  const discriminant = subtract(multiply(b, b), multiply(multiply(a, graph.scalar(4)), c));
  const denominator = subtract(graph.op('Neg', [b]), graph.op('Sqrt', [discriminant]));
  const share = graph.op('Div', [multiply(c, graph.scalar(2)), denominator]);
  return add(multiply(share, width), left);
}
