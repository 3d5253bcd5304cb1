import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Raised whenever a graph or the silent context is made differently, so that old files are not used. */
const builderVersion = 2;

const sampledBlocks = 64;
const blockBytes = 1 << 16;

/** A short name for the content of a file: its size and 64 blocks spread over it, as it is verified when it is fetched. */
export async function fingerprint(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${builderVersion}:${size}:`);
    const block = Buffer.alloc(blockBytes);
    for (let index = 0; index < sampledBlocks; index += 1) {
      const position = Math.floor(((size - blockBytes) * index) / (sampledBlocks - 1));
      const { bytesRead } = await file.read(block, 0, blockBytes, Math.max(0, position));
      hash.update(block.subarray(0, bytesRead));
    }
    return hash.digest('hex').slice(0, 16);
  } finally {
    await file.close();
  }
}

/**
 * Files made from a model, kept beside it so that the next start need not make them, or in the system's temporary folder
 * where nothing can be written beside it.
 */
export class GraphCache {
  private readonly folders: readonly string[];

  constructor(modelPath: string, key: string) {
    const beside = join(dirname(modelPath), `.${basename(modelPath)}.graphs`, key);
    this.folders = [beside, join(tmpdir(), `antiphon-${key}.graphs`)];
  }

  /**
   * The path of a kept file, made first if it is not there; where nothing at all can be written, the bytes themselves.
   * Several processes may do this at once: a file appears whole or not at all.
   */
  async keep(name: string, make: () => Promise<Uint8Array>): Promise<string | Uint8Array> {
    const paths = this.folders.map((folder) => join(folder, name));
    for (const path of paths) if (await isReadable(path)) return path;
    const bytes = await make();
    for (const path of paths) if (await writeWhole(path, bytes)) return path;
    return bytes;
  }

  /** Like `keep`, but always the bytes. */
  async keepBytes(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const held = await this.keep(name, make);
    return typeof held === 'string' ? readFile(held) : held;
  }
}

async function isReadable(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, path);
    return true;
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
    return false;
  }
}
