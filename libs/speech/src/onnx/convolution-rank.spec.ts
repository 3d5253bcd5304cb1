import { InferenceSession, Tensor } from 'onnxruntime-node';
import { graphOf, writeModel } from './codec';
import { widenConvolutions } from './convolution-rank';
import { GraphBuilder } from './graph-builder';
import type { Model } from './model';
import { dimsOf } from './tensor';

const random = (count: number): Float32Array => Float32Array.from({ length: count }, (_, index) => Math.sin(index * 7));

function network(): Model {
  const graph = new GraphBuilder('g');
  const x = graph.input('x', 'float32', ['batch', 16, 'time']);
  const a = graph.initializer('a', 'float32', [16, 16, 5], random(16 * 16 * 5));
  const bias = graph.initializer('bias', 'float32', [16], random(16));
  const b = graph.initializer('b', 'float32', [16, 8, 4], random(16 * 8 * 4));
  const first = graph.op('Conv', [x, a, bias], { dilations: [3], pads: [6, 6], kernel_shape: [5] });
  const up = graph.op('ConvTranspose', [graph.op('LeakyRelu', [first]), b], {
    strides: [2],
    pads: [1, 1],
    output_padding: [1],
  });
  graph.output(graph.op('Tanh', [up], {}, { name: 'y' }), 'float32');
  return graph.build();
}

async function run(model: Model): Promise<Tensor | undefined> {
  const session = await InferenceSession.create(writeModel(model));
  const results = await session.run({ x: new Tensor('float32', random(2 * 16 * 30), [2, 16, 30]) });
  return results['y'];
}

describe('widenConvolutions', () => {
  it('changes shapes, not results', async () => {
    const narrow = await run(network());
    const wide = await run(widenConvolutions(network()));
    expect(wide?.dims).toEqual(narrow?.dims);
    const [a = [], b = []] = [narrow, wide].map((tensor) => Array.from(tensor?.data as Float32Array));
    expect(Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? NaN))))).toBeLessThan(1e-5);
  });

  it('gives the weights a height of 1', () => {
    const graph = graphOf(widenConvolutions(network()));
    expect(graph.initializer.slice(0, 3).map(dimsOf)).toEqual([[16, 16, 1, 5], [16], [16, 8, 1, 4]]);
  });

  it('leaves a model without such convolutions as it is', () => {
    const graph = new GraphBuilder('g');
    graph.output(graph.op('Tanh', [graph.input('x', 'float32')]), 'float32');
    const model = graph.build();
    expect(widenConvolutions(model)).toBe(model);
  });

  it('refuses weights that something else uses too, and old operator sets', () => {
    const graph = new GraphBuilder('g');
    const weight = graph.initializer('w', 'float32', [1, 1, 3], random(3));
    graph.op('Conv', [graph.input('x', 'float32'), weight]);
    graph.op('Tanh', [weight]);
    expect(() => widenConvolutions(graph.build())).toThrow('weight "w" is used by a Tanh beside a convolution');
    expect(() => widenConvolutions(graph.build({ opsets: { '': 11 } }))).toThrow('from operator set 13 on');
  });
});
