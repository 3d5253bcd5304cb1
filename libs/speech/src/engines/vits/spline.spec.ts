import { InferenceSession, Tensor } from 'onnxruntime-node';
import { change, graphOf, GraphBuilder, writeModel, type Model } from '../../onnx';
import { simplifySplines } from './spline';

const bins = 10;
const count = 3 * bins - 1;
const channels = 16;
const ids = 40;

/** A flow whose spline is a stand-in: only what is around it looks as in a voice. */
function flow(): Model {
  const graph = new GraphBuilder('flow');
  const x = graph.input('x', 'float32', [1, 2, ids]);
  const h = graph.input('h', 'float32', [1, channels, ids]);
  const [kept = '', mapped = ''] = graph.ops(
    'Split',
    [x],
    2,
    { axis: 1, num_outputs: 2 },
    { name: '/dp/flows.7/Split' },
  );
  const weight = graph.initializer(
    'weight',
    'float32',
    [count, channels, 1],
    Float32Array.from({ length: count * channels }, (_, index) => 3 * Math.sin(index * 12.9898)),
  );
  const projected = graph.op('Conv', [h, weight], {}, { name: '/dp/flows.7/proj/Conv' });
  const parameters = graph.op('Mul', [projected, graph.scalar(1)], {}, { name: 'parameters' });
  const standIn = graph.op('Add', [mapped, graph.op('ReduceSum', [parameters, graph.ints(1)], { keepdims: 1 })]);
  graph.output(graph.op('Concat', [kept, standIn], { axis: 1 }, { name: 'y' }), 'float32');
  graph.output(parameters, 'float32');
  return graph.build();
}

/** Where the spline of these parameters takes the value y: the definition of VITS, for one value. */
function inverse(y: number, parameters: readonly number[]): number {
  if (Math.abs(y) > 5) return y;
  const edges = (logits: readonly number[]): number[] => {
    const powers = logits.map((logit) => Math.exp(logit / Math.sqrt(channels)));
    const sum = powers.reduce((total, power) => total + power, 0);
    const sizes = powers.map((power) => 10 * (1e-3 + (1 - 1e-3 * bins) * (power / sum)));
    return sizes.reduce((list, size) => [...list, (list.at(-1) ?? 0) + size], [-5]);
  };
  const [xs, ys] = [edges(parameters.slice(0, bins)), edges(parameters.slice(bins, 2 * bins))];
  const slopes = [1, ...parameters.slice(2 * bins).map((value) => Math.log1p(Math.exp(value)) + 1e-3), 1];
  const piece = Math.max(
    0,
    ys.findLastIndex((edge, index) => y >= edge && index < bins),
  );
  const at = (list: readonly number[], index: number): number => list[index] ?? NaN;
  const [width, height] = [at(xs, piece + 1) - at(xs, piece), at(ys, piece + 1) - at(ys, piece)];
  const [mean, d0, d1] = [height / width, at(slopes, piece), at(slopes, piece + 1)];
  const above = y - at(ys, piece);
  const a = above * (d0 + d1 - 2 * mean) + height * (mean - d0);
  const b = height * d0 - above * (d0 + d1 - 2 * mean);
  const c = -mean * above;
  return ((2 * c) / (-b - Math.sqrt(b * b - 4 * a * c))) * width + at(xs, piece);
}

describe('simplifySplines', () => {
  it('computes the splines of VITS, the identity outside of their range included', async () => {
    const session = await InferenceSession.create(writeModel(simplifySplines(flow())), { logSeverityLevel: 3 });
    const values = Float32Array.from({ length: ids }, (_, index) => (index - ids / 2) * 0.31 + 0.001);
    const results = await session.run({
      x: new Tensor('float32', Float32Array.from([...values, ...values]), [1, 2, ids]),
      h: new Tensor(
        'float32',
        Float32Array.from({ length: channels * ids }, (_, i) => Math.cos(i * 3.7)),
        [1, channels, ids],
      ),
    });
    const parameters = results['parameters']?.data as Float32Array;
    const mapped = (results['y']?.data as Float32Array).slice(ids);
    values.forEach((value, id) => {
      const own = Array.from({ length: count }, (_, row) => parameters[row * ids + id] ?? NaN);
      expect(mapped[id]).toBeCloseTo(inverse(value, own), 4);
    });
    expect(Math.max(...values)).toBeGreaterThan(5);
    expect(mapped.some((value, id) => Math.abs(value - (values[id] ?? 0)) > 0.1)).toBe(true);
  });

  it('leaves flows alone that do not look as expected', () => {
    const model = flow();
    const renamed = graphOf(model).node.map((node) =>
      node.name === '/dp/flows.7/Split' ? change(node, { name: '/dp/flows.7/Other' }) : node,
    );
    const other = change(model, { graph: change(graphOf(model), { node: renamed }) });
    expect(simplifySplines(other)).toBe(other);
  });
});
