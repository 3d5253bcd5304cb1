import { SpeechError } from '../speech-error';
import { create } from './codec';
import {
  attributeType,
  type Attribute,
  type DataTypeName,
  type Dimension,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type ValueInfo,
} from './model';
import { tensor, valueInfo, type TensorArrays } from './tensor';

/** The name of a value in a graph. The empty name leaves out an optional input. */
export type Value = string;

/** Whole numbers become int attributes, all others float. */
export type AttributeValue =
  number | string | readonly number[] | readonly string[] | { tensor: Tensor } | { graph: Graph };

/** The options of a node besides its inputs and attributes. */
export interface NodeOptions {
  /** Operator set domain: `com.microsoft` for the operators of ONNX Runtime. */
  readonly domain?: string;
  /** Name of the node, from which the names of its results are made. Default: a generated name. */
  readonly name?: string;
}

/** The metadata of a model. */
export interface ModelOptions {
  /** Version of every operator set in use. The key of the standard set is the empty string. */
  readonly opsets?: Readonly<Record<string, number>>;
  readonly irVersion?: number;
}

/**
 * Builds a graph node by node, in the order in which the nodes run. Every method that makes a value returns its name.
 */
export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly initializers: Tensor[] = [];
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private readonly known = new Set<Value>();
  private readonly constants = new Map<string, Value>();
  private readonly counts = new Map<string, number>();

  /** `outer` is the graph around a body. The body may read the values that `outer` has so far. */
  constructor(
    private readonly name: string,
    private readonly outer?: GraphBuilder,
  ) {}

  input(name: string, type: DataTypeName, dims?: readonly Dimension[]): Value {
    this.inputs.push(valueInfo(name, type, dims));
    return this.declare(name);
  }

  /** Names an existing value as a result of the graph. */
  output(value: Value, type: DataTypeName, dims?: readonly Dimension[]): void {
    this.require(value, 'output');
    this.outputs.push(valueInfo(value, type, dims));
  }

  /** Adds a weight. `data` is not copied and must not change afterwards. */
  initializer<T extends DataTypeName>(name: string, type: T, dims: readonly number[], data: TensorArrays[T]): Value {
    this.initializers.push(tensor(name, type, dims, data));
    return this.declare(name);
  }

  /** A one-dimensional int64 constant, the form of shapes and axes. Equal constants are shared. */
  ints(...values: readonly number[]): Value {
    const make = (name: string) =>
      tensor(
        name,
        'int64',
        [values.length],
        BigInt64Array.from(values, (value) => BigInt(value)),
      );
    return this.constant(`ints:${values.join(',')}`, make);
  }

  /** An int64 constant without dimensions. Equal constants are shared. */
  int(value: number): Value {
    return this.constant(`int:${value}`, (name) => tensor(name, 'int64', [], BigInt64Array.of(BigInt(value))));
  }

  /** A float32 constant without dimensions. Equal constants are shared. */
  scalar(value: number): Value {
    return this.constant(`scalar:${value}`, (name) => tensor(name, 'float32', [], Float32Array.of(value)));
  }

  /** Adds a node with one result. */
  op(
    opType: string,
    inputs: readonly Value[],
    attributes: Record<string, AttributeValue> = {},
    options: NodeOptions = {},
  ): Value {
    const name = options.name ?? this.freshName(opType);
    return this.add({ opType, inputs, outputs: [name], attributes, domain: options.domain ?? '', name })[0] ?? name;
  }

  /** Adds a node with `count` results. */
  ops(
    opType: string,
    inputs: readonly Value[],
    count: number,
    attributes: Record<string, AttributeValue> = {},
    options: NodeOptions = {},
  ): Value[] {
    const name = options.name ?? this.freshName(opType);
    const outputs = Array.from({ length: count }, (_, index) => `${name}.${index}`);
    return this.add({ opType, inputs, outputs, attributes, domain: options.domain ?? '', name });
  }

  /** Gives a value a name of its own, for a result of the graph. */
  rename(value: Value, name: string): Value {
    return this.op('Identity', [value], {}, { name });
  }

  /** The graph alone, for the body of an `If` or `Loop`. */
  buildGraph(): Graph {
    return create('GraphProto', {
      name: this.name,
      node: this.nodes,
      initializer: this.initializers,
      input: this.inputs,
      output: this.outputs,
    });
  }

  build(options: ModelOptions = {}): Model {
    const opsets = Object.entries(options.opsets ?? { '': 20 });
    return create('ModelProto', {
      irVersion: options.irVersion ?? 9,
      producerName: 'antiphon',
      opsetImport: opsets.map(([domain, version]) => create('OperatorSetIdProto', { domain, version })),
      graph: this.buildGraph(),
    });
  }

  private add(node: {
    opType: string;
    inputs: readonly Value[];
    outputs: Value[];
    attributes: Record<string, AttributeValue>;
    domain: string;
    name: string;
  }): Value[] {
    for (const input of node.inputs) this.require(input, node.name);
    const { opType, name, domain, outputs: output } = node;
    const attribute = Object.entries(node.attributes).map(([key, value]) => newAttribute(key, value));
    this.nodes.push(create('NodeProto', { name, opType, domain, input: [...node.inputs], output, attribute }));
    return output.map((value) => this.declare(value));
  }

  private constant(key: string, make: (name: string) => Tensor): Value {
    const held = this.constants.get(key);
    if (held !== undefined) return held;
    const name = this.freshName('Constant');
    this.initializers.push(make(name));
    this.constants.set(key, this.declare(name));
    return name;
  }

  private declare(name: Value): Value {
    if (name === '' || this.known.has(name))
      throw new SpeechError(`graph ${this.name} has a value named "${name}" twice`);
    this.known.add(name);
    return name;
  }

  private require(value: Value, user: string): void {
    if (value !== '' && !this.has(value)) {
      throw new SpeechError(`graph ${this.name} has no value named "${value}", which ${user} needs`);
    }
  }

  private has(value: Value): boolean {
    return this.known.has(value) || (this.outer?.has(value) ?? false);
  }

  private freshName(opType: string): string {
    const count = this.counts.get(opType) ?? 0;
    this.counts.set(opType, count + 1);
    return this.outer ? `${this.name}/${opType}_${count}` : `${opType}_${count}`;
  }
}

function newAttribute(name: string, value: AttributeValue): Attribute {
  const attribute = (type: keyof typeof attributeType, fields: Partial<Attribute>): Attribute =>
    create('AttributeProto', { name, type: attributeType[type], ...fields });
  if (typeof value === 'string') return attribute('string', { s: Buffer.from(value) });
  if (typeof value === 'number') {
    return Number.isInteger(value) ? attribute('int', { i: value }) : attribute('float', { f: value });
  }
  if ('tensor' in value) return attribute('tensor', { t: value.tensor });
  if ('graph' in value) return attribute('graph', { g: value.graph });
  return listAttribute(value, attribute);
}

function listAttribute(
  values: readonly number[] | readonly string[],
  attribute: (type: 'ints' | 'floats' | 'strings', fields: Partial<Attribute>) => Attribute,
): Attribute {
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length < values.length) {
    return attribute('strings', { strings: values.map((value) => Buffer.from(String(value))) });
  }
  return numbers.every(Number.isInteger)
    ? attribute('ints', { ints: numbers })
    : attribute('floats', { floats: numbers });
}
