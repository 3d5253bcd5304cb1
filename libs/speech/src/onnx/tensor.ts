import { SpeechError } from '../speech-error';
import { create } from './codec';
import { dataType, type DataTypeName, type Dimension, type Int64, type Tensor, type ValueInfo } from './model';

/** The array type of each element type. float16 values are bit patterns, bool values are 0 and 1. */
export interface TensorArrays {
  float32: Float32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
  float16: Uint16Array;
  float64: Float64Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
}

const arrayOf = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
} as const;

const nameOfType = new Map<number, DataTypeName>(
  Object.entries(dataType).map(([name, value]) => [value, name as DataTypeName]),
);

/** Converts a 64-bit integer of a model to a number. */
export const toNumber = (value: Int64): number => (typeof value === 'number' ? value : value.toNumber());

/** Makes a tensor over `data` without copying it, so `data` must not change afterwards. */
export function tensor<T extends DataTypeName>(
  name: string,
  type: T,
  dims: readonly number[],
  data: TensorArrays[T],
): Tensor {
  const wanted = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== wanted || !(data instanceof arrayOf[type])) {
    const shape = `[${dims.join(', ')}]`;
    throw new SpeechError(`tensor ${name} of type ${type} and shape ${shape} needs ${wanted} elements of that type`);
  }
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return create('TensorProto', { name, dims: [...dims], dataType: dataType[type], rawData });
}

/** The shape of a tensor. */
export const dimsOf = (tensor: Tensor): number[] => tensor.dims.map(toNumber);

/**
 * The elements of a tensor: a view if the file holds them aligned, else a copy. Throws a SpeechError for another
 * element type.
 */
export function dataOf<T extends DataTypeName>(tensor: Tensor, type: T): TensorArrays[T] {
  if (tensor.dataType !== dataType[type]) {
    const held = nameOfType.get(tensor.dataType) ?? tensor.dataType;
    throw new SpeechError(`tensor ${tensor.name} holds ${held}, not ${type}`);
  }
  const TypedArray = arrayOf[type];
  const raw = tensor.rawData;
  if (raw.byteLength === 0) return fromTypedField(tensor, type);
  const aligned = raw.byteOffset % TypedArray.BYTES_PER_ELEMENT === 0 ? raw : new Uint8Array(raw);
  return new TypedArray(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / TypedArray.BYTES_PER_ELEMENT,
  ) as TensorArrays[T];
}

/** Small tensors may hold their elements in a typed field instead of raw bytes. */
function fromTypedField<T extends DataTypeName>(tensor: Tensor, type: T): TensorArrays[T] {
  const fields: { [name in DataTypeName]?: () => TensorArrays[name] } = {
    float32: () => Float32Array.from(tensor.floatData),
    float64: () => Float64Array.from(tensor.doubleData),
    int64: () => BigInt64Array.from(tensor.int64Data, (value) => BigInt(value.toString())),
    int32: () => Int32Array.from(tensor.int32Data),
    int8: () => Int8Array.from(tensor.int32Data),
    uint8: () => Uint8Array.from(tensor.int32Data),
    bool: () => Uint8Array.from(tensor.int32Data),
    float16: () => Uint16Array.from(tensor.int32Data),
  };
  const read = fields[type];
  if (!read) throw new SpeechError(`tensor ${tensor.name} of type ${type} is stored in an unsupported way`);
  return read();
}

/** Describes a graph input or output. Without `dims` its rank is unknown. */
export function valueInfo(name: string, type: DataTypeName, dims?: readonly Dimension[]): ValueInfo {
  const shape = dims ? { dim: dims.map(dimension) } : null;
  return create('ValueInfoProto', { name, type: { tensorType: { elemType: dataType[type], shape } } });
}

function dimension(dim: Dimension): { dimValue?: number; dimParam?: string } {
  if (dim === undefined) return {};
  return typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim };
}
