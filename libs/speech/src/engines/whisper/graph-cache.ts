import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Raised whenever a graph or the silent context is made differently, so that old files are not used. */
export const builderVersion = 1;

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

/** Files made from a model, kept in a folder beside it so that the next start need not make them. */
export class GraphCache {
  private readonly folder: string;

  constructor(modelFolder: string, key: string) {
    this.folder = join(modelFolder, 'graphs', key);
  }

  /**
   * The path of a kept file, made first if it is not there. Where nothing can be written, the bytes themselves. Several
   * processes may do this at once: a file appears whole or not at all.
   */
  async keep(name: string, make: () => Promise<Uint8Array>): Promise<string | Uint8Array> {
    const path = join(this.folder, name);
    if (await exists(path)) return path;
    const bytes = await make();
    return (await writeWhole(path, bytes)) ? path : bytes;
  }

  /** Like `keep`, but always the bytes. */
  async keepBytes(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const held = await this.keep(name, make);
    return typeof held === 'string' ? readFile(held) : held;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
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
