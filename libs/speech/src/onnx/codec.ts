import { BufferReader, Reader, Root, Type } from 'protobufjs/light';
import { SpeechError } from '../speech-error';
import type { Attribute, Graph, Model, Node, OpsetImport, Tensor, ValueInfo } from './model';
import { onnxSchema } from './schema';

const root = Root.fromJSON(onnxSchema);

/** The messages that `create` makes, with their names in the schema. */
interface MessageTypes {
  ModelProto: Model;
  GraphProto: Graph;
  NodeProto: Node;
  AttributeProto: Attribute;
  TensorProto: Tensor;
  ValueInfoProto: ValueInfo;
  OperatorSetIdProto: OpsetImport;
}

const typeOf = (name: keyof MessageTypes): Type => root.lookupType(`onnx.${name}`);

/**
 * Reads a model. Tensor data are views of `bytes`, not copies. Fields that the schema does not define are preserved.
 */
export function readModel(bytes: Uint8Array): Model {
  const reader = new BufferReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  reader.discardUnknown = false;
  const model = decode(reader);
  if (!model.graph) throw new SpeechError('this file is not an ONNX model: it holds no graph');
  return model;
}

function decode(reader: Reader): Model {
  try {
    return typeOf('ModelProto').decode(reader) as unknown as Model;
  } catch (cause) {
    throw new SpeechError('this file is not an ONNX model', { cause });
  }
}

/** The bytes of a model file. */
export function writeModel(model: Model): Uint8Array {
  return typeOf('ModelProto').encode(model).finish();
}

/** Creates a message. Fields that are not given have their defaults. */
export function create<Name extends keyof MessageTypes>(
  name: Name,
  fields: Partial<MessageTypes[Name]>,
): MessageTypes[Name] {
  return typeOf(name).create(fields) as unknown as MessageTypes[Name];
}

/**
 * A copy of a message with some fields changed. It shares the other fields, including those that the schema does not
 * define.
 */
export function change<T extends object>(message: T, fields: Partial<T>): T {
  const copy = Object.create(Object.getPrototypeOf(message) as object, Object.getOwnPropertyDescriptors(message)) as T;
  return Object.assign(copy, fields);
}

/** The main graph of a model that was read or built here. */
export function graphOf(model: Model): Graph {
  if (!model.graph) throw new SpeechError('the ONNX model holds no graph');
  return model.graph;
}
