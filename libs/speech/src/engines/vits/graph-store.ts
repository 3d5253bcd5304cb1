import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readModel, writeModel } from '../../onnx';
import { cutVits, type VitsLayout } from './vits-graphs';

/** Counts up whenever the cut graphs change, so that older ones are not used. */
const cutterVersion = 4;

/** The parts of a voice as files that onnxruntime loads by path. */
export interface StoredGraphs {
  readonly text: string;
  readonly predictor: string;
  readonly flow: string;
  readonly decoder: string;
  readonly layout: VitsLayout;
}

interface Key {
  readonly cutterVersion: number;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

/**
 * The cut graphs of a voice. They are kept beside it, or in the system's temporary folder where that cannot be written, and
 * made again when the voice or the cutter changed. Any number of processes may do this at once.
 */
export async function storedGraphs(voicePath: string): Promise<StoredGraphs> {
  const { size, mtimeMs } = await stat(voicePath);
  const beside = join(dirname(voicePath), `.${basename(voicePath)}.cut`);
  const known = await readStored(beside);
  if (known && known.key.bytes === size && known.key.modifiedMs === mtimeMs) return known.graphs;
  const bytes = await readFile(voicePath);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const apart = join(tmpdir(), `antiphon-${sha256.slice(0, 16)}.cut`);
  for (const folder of [beside, apart]) {
    const held = await readStored(folder);
    if (held?.key.sha256 === sha256) return held.graphs;
  }
  const key: Key = { cutterVersion, bytes: size, modifiedMs: mtimeMs, sha256 };
  return writeStored([beside, apart], key, bytes);
}

async function readStored(folder: string): Promise<{ key: Key; graphs: StoredGraphs } | undefined> {
  try {
    const { key, layout } = JSON.parse(await readFile(join(folder, 'layout.json'), 'utf8')) as Stored;
    return key.cutterVersion === cutterVersion ? { key, graphs: { ...paths(folder), layout } } : undefined;
  } catch {
    return undefined;
  }
}

interface Stored {
  readonly key: Key;
  readonly layout: VitsLayout;
}

const paths = (folder: string) => ({
  text: join(folder, 'text.onnx'),
  predictor: join(folder, 'predictor.onnx'),
  flow: join(folder, 'flow.onnx'),
  decoder: join(folder, 'decoder.onnx'),
});

async function writeStored(folders: readonly string[], key: Key, bytes: Uint8Array): Promise<StoredGraphs> {
  const { layout, ...graphs } = cutVits(readModel(bytes));
  let refusal: unknown;
  for (const folder of folders) {
    const draft = `${folder}-${process.pid}-${Date.now()}`;
    try {
      await mkdir(draft, { recursive: true });
      const files = paths(draft);
      for (const part of ['text', 'predictor', 'flow', 'decoder'] as const)
        await writeFile(files[part], writeModel(graphs[part]));
      await writeFile(join(draft, 'layout.json'), JSON.stringify({ key, layout } satisfies Stored));
      await replaceFolder(draft, folder);
      return { ...paths(folder), layout };
    } catch (cause) {
      refusal = cause;
      await rm(draft, { recursive: true, force: true });
    }
  }
  throw refusal;
}

/** Another process may have been faster: then its folder, which holds the same, stays. */
async function replaceFolder(draft: string, folder: string): Promise<void> {
  const fresh = await readStored(folder);
  const wanted = await readStored(draft);
  if (fresh && fresh.key.sha256 === wanted?.key.sha256) {
    await rm(draft, { recursive: true, force: true });
    return;
  }
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(draft, folder);
  } catch (cause) {
    if (!(await readStored(folder))) throw cause;
    await rm(draft, { recursive: true, force: true });
  }
}
