import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'protobufjs';
import { change, graphOf, readModel, writeModel } from './codec';
import { GraphBuilder } from './graph-builder';
import { onnxSchema } from './schema';
import { dimsOf } from './tensor';

function model(): Uint8Array {
  const graph = new GraphBuilder('g');
  const x = graph.input('x', 'float32', ['n', 3]);
  const w = graph.initializer('w', 'float32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  graph.output(graph.op('Gemm', [x, w], { transB: 1 }, { name: 'y' }), 'float32');
  return writeModel(graph.build());
}

/** A field that no version of the schema has: number 999, bytes. */
const unknownField = Buffer.of(0xba, 0x3e, 3, 7, 8, 9);
const contains = (bytes: Uint8Array, part: Buffer): boolean => Buffer.from(bytes).includes(part);

describe('readModel and writeModel', () => {
  it('give back what was written', () => {
    const bytes = model();
    expect(writeModel(readModel(bytes))).toEqual(bytes);
    const graph = graphOf(readModel(bytes));
    expect(graph.node[0]).toMatchObject({ opType: 'Gemm', input: ['x', 'w'], output: ['y'] });
    expect(graph.initializer.map(dimsOf)).toEqual([[2, 3]]);
  });

  it('do not copy the data of tensors', () => {
    const bytes = model();
    const [weight] = graphOf(readModel(bytes)).initializer;
    expect(weight?.rawData.buffer).toBe(bytes.buffer);
  });

  it('keep fields that the schema does not know, also after a change', () => {
    const bytes = Buffer.concat([model(), unknownField]);
    const read = readModel(bytes);
    expect(contains(writeModel(read), unknownField)).toBe(true);
    expect(contains(writeModel(change(read, { producerName: 'other' })), unknownField)).toBe(true);
  });

  it('refuse what is no model', () => {
    expect(() => readModel(Buffer.from('no protocol buffer at all'))).toThrow('this file is not an ONNX model');
    expect(() => readModel(new Uint8Array())).toThrow('it holds no graph');
  });
});

describe('change', () => {
  it('leaves the original as it was', () => {
    const read = readModel(model());
    expect(change(read, { producerName: 'other' }).producerName).toBe('other');
    expect(read.producerName).toBe('antiphon');
  });
});

describe('tensor', () => {
  it('keeps 64-bit integers exactly, also those beyond a number', () => {
    const largest = 2n ** 63n - 1n;
    const graph = new GraphBuilder('g');
    graph.initializer('w', 'int64', [2], BigInt64Array.of(largest, -largest));
    const [weight] = graphOf(readModel(writeModel(graph.build()))).initializer;
    expect(weight && new BigInt64Array(Uint8Array.from(weight.rawData).buffer)).toEqual(
      BigInt64Array.of(largest, -largest),
    );
  });
});

describe('the embedded schema', () => {
  it('is that of onnx.proto', () => {
    const { root } = parse(readFileSync(join(__dirname, 'onnx.proto'), 'utf8'));
    const withoutProtoName = (key: string, value: unknown): unknown => (key === 'protoName' ? undefined : value);
    expect(onnxSchema).toEqual(JSON.parse(JSON.stringify(root.toJSON(), withoutProtoName)));
  });
});
