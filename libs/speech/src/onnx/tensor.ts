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

/** Describes a graph input or output. Without `dims` its rank is unknown. */
export function valueInfo(name: string, type: DataTypeName, dims?: readonly Dimension[]): ValueInfo {
  const shape = dims ? { dim: dims.map(dimension) } : null;
  return create('ValueInfoProto', { name, type: { tensorType: { elemType: dataType[type], shape } } });
}

function dimension(dim: Dimension): { dimValue?: number; dimParam?: string } {
  if (dim === undefined) return {};
  return typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim };
}
