import { GraphBuilder, type Model } from '../../onnx';
import { receptiveField } from './receptive-field';

const weights = (graph: GraphBuilder, name: string, kernel: number): string =>
  graph.initializer(name, 'float32', [1, 1, kernel], new Float32Array(kernel).fill(1));

function build(body: (graph: GraphBuilder, x: string) => string): Model {
  const graph = new GraphBuilder('g');
  const y = body(graph, graph.input('x', 'float32', [1, 1, 'time']));
  graph.output(graph.rename(y, 'y'), 'float32');
  return graph.build();
}

describe('receptiveField', () => {
  it('is nothing for what works on each sample alone', () => {
    const model = build((graph, x) => graph.op('Add', [graph.op('Tanh', [x]), x]));
    expect(receptiveField(model, 'x', 'y')).toEqual({ scale: 1, reach: 0 });
  });

  it('adds up kernels and dilations', () => {
    const model = build((graph, x) => {
      const wide = graph.op('Conv', [x, weights(graph, 'a', 7)], { pads: [3, 3] });
      return graph.op('Conv', [wide, weights(graph, 'b', 3)], { dilations: [5], pads: [5, 5] });
    });
    expect(receptiveField(model, 'x', 'y').reach).toBe(8);
  });

  it('takes the longest of several paths', () => {
    const model = build((graph, x) => {
      const far = graph.op('Conv', [x, weights(graph, 'a', 11)], { pads: [5, 5] });
      return graph.op('Add', [graph.op('Conv', [x, weights(graph, 'b', 3)], { pads: [1, 1] }), far]);
    });
    expect(receptiveField(model, 'x', 'y').reach).toBe(5);
  });

  it('counts in samples of the source after an upsampling', () => {
    const model = build((graph, x) => {
      const up = graph.op('ConvTranspose', [x, weights(graph, 'a', 16)], { strides: [8], pads: [4, 4] });
      return graph.op('Conv', [up, weights(graph, 'b', 9)], { pads: [4, 4] });
    });
    expect(receptiveField(model, 'x', 'y')).toEqual({ scale: 8, reach: 1.5 });
  });

  it('throws when one value does not depend on the other', () => {
    const model = build((graph) => graph.op('Tanh', [graph.input('other', 'float32', [1])]));
    expect(() => receptiveField(model, 'x', 'y')).toThrow('"y" does not depend on "x"');
  });
});
