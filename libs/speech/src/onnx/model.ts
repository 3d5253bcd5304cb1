/** A 64-bit integer: as read it may be an object, to be turned by `toNumber`; a plain number can be written. */
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

/** Numbers of `TensorProto.DataType` by the names onnxruntime gives them. */
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

/** A dimension: a size, the name of one known at run time, or undefined where nothing is known. */
export type Dimension = number | string | undefined;

/** `TensorProto`, as far as this library looks into it. */
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

/** `NodeProto`; an empty input or output name stands for one left out. */
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

/** `ValueInfoProto`: a graph input or output, or what is known of a value between nodes. */
export interface ValueInfo {
  name: string;
  type: ValueType | null;
}

/** `GraphProto`; nodes stand in an order in which they can run. */
export interface Graph {
  name: string;
  node: Node[];
  initializer: Tensor[];
  sparseInitializer: { values: Tensor | null }[];
  input: ValueInfo[];
  output: ValueInfo[];
  valueInfo: ValueInfo[];
}

/** `OperatorSetIdProto`; the domain of standard operators is the empty string. */
export interface OpsetImport {
  domain: string;
  version: Int64;
}

/** `ModelProto`. Treat a model as a value: the functions of this library return a changed copy that shares what is unchanged. */
export interface Model {
  irVersion: Int64;
  opsetImport: OpsetImport[];
  producerName: string;
  graph: Graph | null;
}
