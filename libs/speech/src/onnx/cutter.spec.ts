import { InferenceSession, Tensor } from 'onnxruntime-node';
import { change, graphOf, readModel, writeModel } from './codec';
import { bindInput, extractGraph, replaceNodeByInput, substitute, type Boundary } from './cutter';
import { GraphBuilder } from './graph-builder';
import type { Graph, Model } from './model';
import { tensor } from './tensor';

/** x -> hidden = relu(x * w) + shared -> y = hidden @ v + shared; z = y + noise like y. */
function network(): Model {
  const graph = new GraphBuilder('network');
  const x = graph.input('x', 'float32', [1, 2]);
  const w = graph.initializer('w', 'float32', [2], Float32Array.of(2, -3));
  const v = graph.initializer('v', 'float32', [2, 2], Float32Array.of(1, 2, 3, 4));
  const shared = graph.initializer('shared', 'float32', [1], Float32Array.of(10));
  const active = graph.op('Relu', [graph.op('Mul', [x, w])]);
  const hidden = graph.op('Add', [active, shared], {}, { name: 'hidden' });
  const y = graph.op('Add', [graph.op('MatMul', [hidden, v]), shared], {}, { name: 'y' });
  const noise = graph.op('RandomNormalLike', [y], {}, { name: 'noise' });
  graph.output(y, 'float32', [1, 2]);
  graph.output(graph.op('Add', [y, noise], {}, { name: 'z' }), 'float32', [1, 2]);
  return graph.build();
}

const at = { tensor: 'hidden', type: 'float32' as const, dims: [1, 2] };
const x = new Tensor('float32', [5, -1], [1, 2]);

async function run(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  return session.run(feeds);
}

const names = (model: Model) => ({
  inputs: graphOf(model).input.map(({ name }) => name),
  outputs: graphOf(model).output.map(({ name }) => name),
  weights: graphOf(model).initializer.map(({ name }) => name),
});

/** A model in two, at one value. */
const cutGraph = (model: Model, at: Boundary): Readonly<Record<'front' | 'back', Model>> => ({
  front: extractGraph(model, { inputs: [], outputs: [at] }),
  back: extractGraph(model, { inputs: [at], outputs: graphOf(model).output.map(({ name }) => ({ tensor: name })) }),
});

describe('extractGraph, in two halves', () => {
  it('makes two halves that equal the whole one after the other', async () => {
    const { front, back } = cutGraph(network(), at);
    const whole = await run(network(), { x });
    const half = await run(front, { x });
    const rest = await run(back, { hidden: half['hidden'] ?? x });
    expect(half['hidden']?.data).toEqual(Float32Array.of(20, 13));
    expect(rest['y']?.data).toEqual(whole['y']?.data);
  });

  it('drops the weights and inputs that a half does not need, and keeps shared ones in both', () => {
    const { front, back } = cutGraph(network(), at);
    expect(names(front)).toEqual({ inputs: ['x'], outputs: ['hidden'], weights: ['w', 'shared'] });
    expect(names(back)).toEqual({ inputs: ['hidden'], outputs: ['y', 'z'], weights: ['v', 'shared'] });
  });

  it('gives the value another name where wanted', async () => {
    const { front, back } = cutGraph(network(), { ...at, as: 'latent' });
    expect(names(front).outputs).toEqual(['latent']);
    const half = await run(front, { x });
    expect((await run(back, { latent: half['latent'] ?? x }))['y']?.data).toEqual(Float32Array.of(69, 102));
  });

  it('leaves the whole model as it was', () => {
    const model = network();
    const before = writeModel(model);
    cutGraph(model, { ...at, as: 'latent' });
    expect(writeModel(model)).toEqual(before);
  });

  it('does not copy weights', () => {
    const model = readModel(writeModel(network()));
    const { back } = cutGraph(model, at);
    const weight = (of: Model) => graphOf(of).initializer.find(({ name }) => name === 'v');
    expect(weight(back)).toBe(weight(model));
  });

  it('keeps fields that the schema does not know', () => {
    const field = Buffer.of(0xba, 0x3e, 3, 7, 8, 9);
    const { front } = cutGraph(readModel(Buffer.concat([writeModel(network()), field])), at);
    expect(Buffer.from(writeModel(front)).includes(field)).toBe(true);
  });

  it('throws when there is no such value', () => {
    expect(() => cutGraph(network(), { ...at, tensor: 'nowhere' })).toThrow('the ONNX graph has no value "nowhere"');
  });

  it('throws when the type of the value is not known and not given', () => {
    expect(() => cutGraph(network(), { tensor: 'hidden' })).toThrow('does not say the type of "hidden"');
  });
});

describe('extractGraph', () => {
  it('takes values out of the middle', async () => {
    const part = extractGraph(network(), {
      inputs: [{ ...at, as: 'in' }],
      outputs: [{ tensor: 'y', as: 'out' }],
    });
    expect(names(part)).toEqual({ inputs: ['in'], outputs: ['out'], weights: ['v', 'shared'] });
    const { out } = await run(part, { in: new Tensor('float32', [20, 13], [1, 2]) });
    expect(out?.data).toEqual(Float32Array.of(69, 102));
  });

  it('keeps what only the body of a branch reads', async () => {
    const graph = new GraphBuilder('choice');
    const input = graph.input('x', 'float32', [1]);
    const doubled = graph.op('Mul', [input, graph.scalar(2)], {}, { name: 'doubled' });
    const branch = (name: string, add: number) => {
      const body = new GraphBuilder(name, graph);
      body.output(body.op('Add', [doubled, body.scalar(add)]), 'float32');
      return { graph: body.buildGraph() };
    };
    const which = graph.op('Greater', [input, graph.scalar(0)]);
    const y = graph.op('If', [which], { then_branch: branch('a', 1), else_branch: branch('b', 2) }, { name: 'y' });
    graph.output(y, 'float32');
    const part = extractGraph(graph.build(), { inputs: [], outputs: [{ tensor: 'y' }] });
    expect(graphOf(part).node.map(({ opType }) => opType)).toEqual(['Mul', 'Greater', 'If']);
    const renamed = extractGraph(graph.build(), {
      inputs: [{ tensor: 'doubled', as: 'given', type: 'float32', dims: [1] }],
      outputs: [{ tensor: 'y' }],
    });
    const feeds = { x: new Tensor('float32', [1], [1]), given: new Tensor('float32', [40], [1]) };
    expect((await run(renamed, feeds))['y']?.data).toEqual(Float32Array.of(41));
  });

  it('refuses to give one value two names', () => {
    const outputs = [{ tensor: 'y' }, { tensor: 'y', as: 'again' }];
    expect(() => extractGraph(network(), { inputs: [], outputs })).toThrow('the value "y" is asked for twice');
  });

  it('refuses a name that another value has', () => {
    expect(() => extractGraph(network(), { inputs: [{ ...at, as: 'v' }], outputs: [{ tensor: 'y' }] })).toThrow(
      'the ONNX graph has a value "v" already',
    );
  });
});

describe('replaceNodeByInput', () => {
  const input = { name: 'given', type: 'float32' as const, dims: [1, 2] };

  it('feeds from outside what the node made', async () => {
    const model = replaceNodeByInput(network(), 'noise', input);
    const { z } = await run(model, { x, given: new Tensor('float32', [0.5, -0.5], [1, 2]) });
    expect(z?.data).toEqual(Float32Array.of(69.5, 101.5));
  });

  it('throws for a node that is not there, that makes an output, or has several results', () => {
    expect(() => replaceNodeByInput(network(), 'nowhere', input)).toThrow('the ONNX graph has no node "nowhere"');
    expect(() => replaceNodeByInput(network(), 'y', input)).toThrow('the result of node "y" is an output');
    expect(() => replaceNodeByInput(network(), 'noise', { ...input, name: 'w' })).toThrow('has a value "w" already');
    const graph = new GraphBuilder('g');
    graph.ops('Split', [graph.input('x', 'float32')], 2, {}, { name: 'split' });
    expect(() => replaceNodeByInput(graph.build(), 'split', input)).toThrow('has not exactly one result');
  });
});

describe('bindInput', () => {
  it('makes a weight of an input', async () => {
    const model = bindInput(network(), tensor('x', 'float32', [1, 2], Float32Array.of(5, -1)));
    expect(names(model).inputs).toEqual([]);
    expect((await run(model, {}))['y']?.data).toEqual(Float32Array.of(69, 102));
  });

  it('throws when there is no such input', () => {
    const value = tensor('w', 'float32', [1], new Float32Array(1));
    expect(() => bindInput(network(), value)).toThrow('the ONNX graph has no input "w"');
  });
});

describe('substitute', () => {
  /** Takes hidden, gives y. */
  function part(): Graph {
    const graph = new GraphBuilder('part');
    const hidden = graph.input('hidden', 'float32', [1, 2]);
    graph.output(graph.op('Mul', [hidden, graph.scalar(100)], {}, { name: 'y' }), 'float32', [1, 2]);
    return graph.buildGraph();
  }

  it('puts a graph in the place of what made its output, and drops what is no longer needed', async () => {
    const model = substitute(network(), part());
    expect(names(model)).toMatchObject({ inputs: ['x'], outputs: ['y', 'z'] });
    expect(names(model).weights).not.toContain('v');
    expect((await run(model, { x }))['y']?.data).toEqual(Float32Array.of(2000, 1300));
  });

  it('throws where the model lacks a value that the graph takes or makes, or has one of its own', () => {
    const foreign = new GraphBuilder('foreign');
    foreign.output(foreign.op('Relu', [foreign.input('nowhere', 'float32')], {}, { name: 'y' }), 'float32');
    expect(() => substitute(network(), foreign.buildGraph())).toThrow('no value "nowhere"');
    const clashing = part();
    const renamed = change(clashing, { initializer: [tensor('v', 'float32', [], Float32Array.of(1))] });
    expect(() => substitute(network(), renamed)).toThrow('has a value "v" already');
  });
});

describe('a model without graph', () => {
  it('is refused', () => {
    expect(() => cutGraph(change(network(), { graph: null }), at)).toThrow('the ONNX model holds no graph');
  });
});
