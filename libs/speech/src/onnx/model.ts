/**
 * A 64-bit integer. A model that was read may hold an object, which `toNumber` converts. A plain number can be written.
 */
export type Int64 = number | { toNumber(): number; toString(): string };

/** Values of `AttributeProto.AttributeType`. */
export const attributeType = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

/** Numbers of `TensorProto.DataType`, by their names in ONNX Runtime. */
export const dataType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;

/** The name of an element type. */
export type DataTypeName = keyof typeof dataType;

/** A dimension: a size, the name of a size that is known at run time, or undefined if nothing is known. */
export type Dimension = number | string | undefined;

/** `TensorProto`, with the fields that this library uses. */
export interface Tensor {
  name: string;
  dims: Int64[];
  dataType: number;
  rawData: Uint8Array;
  floatData: number[];
  int32Data: number[];
  int64Data: Int64[];
  doubleData: number[];
}

/** `AttributeProto`. */
export interface Attribute {
  name: string;
  type: number;
  f: number;
  i: Int64;
  s: Uint8Array;
  t: Tensor | null;
  g: Graph | null;
  floats: number[];
  ints: Int64[];
  strings: Uint8Array[];
  tensors: Tensor[];
  graphs: Graph[];
}

/** `NodeProto`. An empty input or output name means that it is left out. */
export interface Node {
  name: string;
  opType: string;
  domain: string;
  input: string[];
  output: string[];
  attribute: Attribute[];
}

/** `TypeProto`, tensors only. */
export interface ValueType {
  tensorType: {
    elemType: number;
    shape: { dim: { dimValue?: Int64; dimParam?: string }[] } | null;
  } | null;
}

/** `ValueInfoProto`: a graph input or output, or the known type of a value between nodes. */
export interface ValueInfo {
  name: string;
  type: ValueType | null;
}

/** `GraphProto`. The nodes are in an order in which they can run. */
export interface Graph {
  name: string;
  node: Node[];
  initializer: Tensor[];
  sparseInitializer: { values: Tensor | null }[];
  input: ValueInfo[];
  output: ValueInfo[];
  valueInfo: ValueInfo[];
}

/** `OperatorSetIdProto`. The domain of standard operators is the empty string. */
export interface OpsetImport {
  domain: string;
  version: Int64;
}

/**
 * `ModelProto`. Treat a model as immutable: the functions of this library return a changed copy that shares the
 * unchanged parts.
 */
export interface Model {
  irVersion: Int64;
  opsetImport: OpsetImport[];
  producerName: string;
  graph: Graph | null;
}
