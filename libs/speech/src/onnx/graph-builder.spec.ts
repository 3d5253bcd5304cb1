import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel, writeModel } from './codec';
import { GraphBuilder } from './graph-builder';
import type { Model } from './model';
import { valueInfo } from './tensor';

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(writeModel(model));
  return await session.run(feeds);
}

const row = (...values: number[]): Tensor => new Tensor('float32', values, [1, values.length]);

describe('GraphBuilder', () => {
  it('builds a model that onnxruntime runs', async () => {
    const graph = new GraphBuilder('linear');
    const x = graph.input('x', 'float32', ['batch', 2]);
    const w = graph.initializer('w', 'float32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
    const y = graph.op('Gemm', [x, w], { alpha: 2.5, transB: 0 });
    graph.output(graph.rename(y, 'y'), 'float32', ['batch', 3]);
    const { y: result } = await run(graph.build(), { x: row(1, 10) });
    expect(result?.data).toEqual(Float32Array.of(102.5, 130, 157.5));
  });

  it('takes int8, int64 and float16 weights and shares equal constants', async () => {
    const graph = new GraphBuilder('types');
    const x = graph.input('x', 'float32', [1, 4]);
    const bytes = graph.initializer('bytes', 'int8', [4], Int8Array.of(-1, 2, -3, 4));
    const halves = graph.initializer('halves', 'float16', [1], Uint16Array.of(0x3800));
    const scaled = graph.op('Mul', [x, graph.op('Cast', [bytes], { to: 1 })]);
    const summed = graph.op('Add', [scaled, graph.op('Cast', [halves], { to: 1 })]);
    expect(graph.ints(1, -1)).toBe(graph.ints(1, -1));
    const flat = graph.op('Reshape', [summed, graph.ints(-1)]);
    graph.output(graph.rename(graph.op('Mul', [flat, graph.scalar(2)]), 'y'), 'float32');
    const { y } = await run(graph.build(), { x: row(1, 1, 1, 1) });
    expect(y?.data).toEqual(Float32Array.of(-1, 5, -5, 9));
  });

  it('adds nodes with several results, and operators of other domains', async () => {
    const graph = new GraphBuilder('split');
    const x = graph.input('x', 'float32', [1, 4]);
    const [left = '', right = ''] = graph.ops('Split', [x], 2, { axis: -1, num_outputs: 2 });
    const y = graph.op('FusedMatMul', [left, right], { transB: 1 }, { domain: 'com.microsoft', name: 'y' });
    graph.output(y, 'float32');
    const model = graph.build({ opsets: { '': 20, 'com.microsoft': 1 } });
    const { y: result } = await run(model, { x: row(1, 2, 3, 4) });
    expect(result?.data).toEqual(Float32Array.of(11));
  });

  it('takes graphs as attributes, which may read the values around them', async () => {
    const graph = new GraphBuilder('choice');
    const x = graph.input('x', 'float32', [1, 1]);
    const which = graph.input('which', 'bool', []);
    const branch = (name: string, factor: number) => {
      const body = new GraphBuilder(name, graph);
      body.output(body.op('Mul', [x, body.scalar(factor)], {}, { name: `${name}_result` }), 'float32');
      return { graph: body.buildGraph() };
    };
    const y = graph.op('If', [which], { then_branch: branch('two', 2), else_branch: branch('ten', 10) }, { name: 'y' });
    graph.output(y, 'float32');
    const feeds = { x: row(3), which: new Tensor('bool', [false], []) };
    expect((await run(graph.build(), feeds))['y']?.data).toEqual(Float32Array.of(30));
  });

  it('keeps numbers, texts and lists of them as attributes', () => {
    const graph = new GraphBuilder('attributes');
    graph.op('Any', [], {
      one: 1,
      half: 0.5,
      ones: [1, 2],
      halves: [1, 0.5],
      name: 'n',
      names: ['a', 'b'],
    });
    const node = readModel(writeModel(graph.build())).graph?.node[0];
    const types = Object.fromEntries((node?.attribute ?? []).map(({ name, type }) => [name, type]));
    expect(types).toEqual({ one: 2, half: 1, ones: 7, halves: 6, name: 3, names: 8 });
  });

  it('refuses a node that reads a value nobody has made', () => {
    expect(() => new GraphBuilder('g').op('Relu', ['x'])).toThrow('graph g has no value named "x", which Relu_0 needs');
  });

  it('refuses a second value of the same name', () => {
    const graph = new GraphBuilder('g');
    graph.input('x', 'float32');
    expect(() => graph.input('x', 'float32')).toThrow('graph g has a value named "x" twice');
  });

  it('refuses weights whose number does not fit their shape', () => {
    expect(() => new GraphBuilder('g').initializer('w', 'float32', [2, 2], new Float32Array(3))).toThrow(
      'tensor w of type float32 and shape [2, 2] needs 4 elements of that type',
    );
  });

  it('describes open, named and fixed dimensions', () => {
    expect(valueInfo('x', 'int64', [1, 'frames', undefined]).type?.tensorType?.shape?.dim).toEqual([
      { dimValue: 1 },
      { dimParam: 'frames' },
      {},
    ]);
    expect(valueInfo('x', 'int64').type?.tensorType?.shape).toBeNull();
  });
});
