import { open, type FileHandle } from 'node:fs/promises';
import { halfToNumber } from '../../half-precision';
import { SpeechError } from '../../speech-error';

interface Variable {
  readonly dims: readonly number[];
  readonly type: number;
  readonly offset: number;
  readonly bytes: number;
}

const elementType = { float32: 0, int8: 1, int16: 2, int32: 3, float16: 4 } as const;
const knownVersion = 6;
const windowBytes = 1 << 16;

/** The weights of a CTranslate2 `model.bin`. Holds the index of the file and reads one variable at a time. */
export class Ct2Weights {
  private constructor(
    private readonly file: FileHandle,
    private readonly variables: ReadonlyMap<string, Variable>,
  ) {}

  /** Reads the index only. Throws a SpeechError if the file is not such a model. */
  static async open(path: string): Promise<Ct2Weights> {
    const file = await open(path, 'r');
    try {
      return new Ct2Weights(file, await readIndex(new IndexReader(file)));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }

  has(name: string): boolean {
    return this.variables.has(name);
  }

  dims(name: string): readonly number[] {
    return this.variable(name).dims;
  }

  /** Reads a variable as float32, in the order of the file. Throws a SpeechError for quantised variables. */
  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { offset, bytes, type } = this.variable(name);
    const data = new Uint8Array(bytes);
    await readFully(this.file, data, offset);
    if (type === elementType.float32) return new Float32Array(data.buffer);
    if (type === elementType.float16) return float32OfHalves(new Uint16Array(data.buffer));
    throw new SpeechError(`weight ${name} is quantised: convert the model with float16 weights`);
  }

  /** Reads the bit patterns of a half-precision variable. */
  async readHalves(name: string): Promise<Uint16Array<ArrayBuffer>> {
    const { offset, bytes, type } = this.variable(name);
    if (type !== elementType.float16) throw new SpeechError(`weight ${name} is not in half precision`);
    const data = new Uint8Array(bytes);
    await readFully(this.file, data, offset);
    return new Uint16Array(data.buffer);
  }

  /** Reads a whole number, stored as a variable without dimensions. */
  async readInteger(name: string): Promise<number> {
    const { offset, bytes, type } = this.variable(name);
    const data = Buffer.alloc(bytes);
    await readFully(this.file, data, offset);
    if (type === elementType.float32 || type === elementType.float16 || bytes > 4) {
      throw new SpeechError(`variable ${name} is not a whole number`);
    }
    return data.readIntLE(0, bytes);
  }

  private variable(name: string): Variable {
    const variable = this.variables.get(name);
    if (!variable) throw new SpeechError(`the model has no weight ${name}`);
    return variable;
  }
}

/** Reads the file from its start. Reads the names and skips the data between them. */
class IndexReader {
  private window = Buffer.alloc(0);
  private windowStart = 0;
  position = 0;

  constructor(private readonly file: FileHandle) {}

  async uint(bytes: 1 | 2 | 4): Promise<number> {
    return (await this.take(bytes)).readUIntLE(0, bytes);
  }

  async string(): Promise<string> {
    const length = await this.uint(2);
    const text = await this.take(length);
    return text.toString('utf8', 0, Math.max(0, length - 1));
  }

  private async take(bytes: number): Promise<Buffer> {
    const start = this.position - this.windowStart;
    if (start < 0 || start + bytes > this.window.length) await this.fill();
    const from = this.position - this.windowStart;
    if (from + bytes > this.window.length) throw new SpeechError('model.bin ends too early: fetch it again');
    this.position += bytes;
    return this.window.subarray(from, from + bytes);
  }

  private async fill(): Promise<void> {
    const buffer = Buffer.alloc(windowBytes);
    const { bytesRead } = await this.file.read(buffer, 0, windowBytes, this.position);
    this.window = buffer.subarray(0, bytesRead);
    this.windowStart = this.position;
  }
}

async function readIndex(reader: IndexReader): Promise<Map<string, Variable>> {
  const version = await reader.uint(4);
  if (version !== knownVersion) {
    throw new SpeechError(`model.bin has version ${version}; only CTranslate2 version ${knownVersion} is supported`);
  }
  const spec = await reader.string();
  if (spec !== 'WhisperSpec') throw new SpeechError(`model.bin holds a ${spec}, not a Whisper model`);
  await reader.uint(4);
  const variables = new Map<string, Variable>();
  const count = await reader.uint(4);
  for (let index = 0; index < count; index += 1) {
    const name = await reader.string();
    variables.set(name, await readVariable(reader));
  }
  const aliases = await reader.uint(4);
  for (let index = 0; index < aliases; index += 1) {
    const alias = await reader.string();
    const variable = variables.get(await reader.string());
    if (variable) variables.set(alias, variable);
  }
  return variables;
}

async function readVariable(reader: IndexReader): Promise<Variable> {
  const rank = await reader.uint(1);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) dims.push(await reader.uint(4));
  const type = await reader.uint(1);
  const bytes = await reader.uint(4);
  const offset = reader.position;
  reader.position += bytes;
  return { dims, type, offset, bytes };
}

async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new SpeechError('model.bin ends too early: fetch it again');
    done += bytesRead;
  }
}

let halfTable: Float32Array | undefined;

/** IEEE 754 half precision to single, exactly. */
export function float32OfHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  halfTable ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToNumber(bits));
  const singles = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index += 1) singles[index] = halfTable[halves[index] ?? 0] ?? 0;
  return singles;
}
