import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readModel, writeModel } from '../../onnx';
import { cutVits, type VitsLayout } from './vits-graphs';

/** Counts up whenever the cut graphs change; part of the folder's name, so that an older and a newer release can share a voice. */
const cutterVersion = 4;

/** The parts of a voice as files that onnxruntime loads by path. */
export interface StoredGraphs {
  readonly text: string;
  readonly predictor: string;
  readonly flow: string;
  readonly decoder: string;
  readonly layout: VitsLayout;
}

/** The voice that a folder of parts was cut from; size and time spare reading it again. */
interface Source {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

/** What `layout.json` in a folder of parts says. */
interface Stored {
  readonly source: Source;
  readonly layout: VitsLayout;
}

/**
 * The cut graphs of a voice. They are kept beside it, or in the system's temporary folder where that cannot be written, and
 * made again when the voice or the cutter changed. Any number of processes may do this at once.
 */
export async function storedGraphs(voicePath: string): Promise<StoredGraphs> {
  const { size: bytes, mtimeMs: modifiedMs } = await stat(voicePath);
  const beside = join(dirname(voicePath), `.${basename(voicePath)}.cut-${cutterVersion}`);
  const known = await readStored(beside);
  if (known?.source.bytes === bytes && known.source.modifiedMs === modifiedMs) return graphsIn(beside, known.layout);
  const voice = await readFile(voicePath);
  const source: Source = { bytes, modifiedMs, sha256: createHash('sha256').update(voice).digest('hex') };
  const apart = join(tmpdir(), `antiphon-${source.sha256.slice(0, 16)}.cut-${cutterVersion}`);
  for (const folder of [beside, apart]) {
    const held = await readStored(folder);
    if (held?.source.sha256 !== source.sha256) continue;
    await writeLayout(folder, { source, layout: held.layout }).catch(() => undefined);
    return graphsIn(folder, held.layout);
  }
  const graphs = await cutInto([beside, apart], source, voice);
  await removeOlder(voicePath);
  return graphs;
}

async function readStored(folder: string): Promise<Stored | undefined> {
  try {
    const stored = JSON.parse(await readFile(join(folder, 'layout.json'), 'utf8')) as Partial<Stored>;
    return stored.source && stored.layout ? { source: stored.source, layout: stored.layout } : undefined;
  } catch {
    return undefined;
  }
}

const graphsIn = (folder: string, layout: VitsLayout): StoredGraphs => ({
  text: join(folder, 'text.onnx'),
  predictor: join(folder, 'predictor.onnx'),
  flow: join(folder, 'flow.onnx'),
  decoder: join(folder, 'decoder.onnx'),
  layout,
});

const draftName = (path: string): string => `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;

async function writeLayout(folder: string, stored: Stored): Promise<void> {
  const path = join(folder, 'layout.json');
  const draft = draftName(path);
  await writeFile(draft, JSON.stringify(stored));
  await rename(draft, path);
}

/** Writes to the first folder that can be written, as a whole or not at all. */
async function cutInto(folders: readonly string[], source: Source, voice: Uint8Array): Promise<StoredGraphs> {
  const { layout, ...parts } = cutVits(readModel(voice));
  let refusal: unknown;
  for (const folder of folders) {
    const draft = draftName(folder);
    try {
      await mkdir(draft, { recursive: true });
      const paths = graphsIn(draft, layout);
      for (const part of ['text', 'predictor', 'flow', 'decoder'] as const) {
        await writeFile(paths[part], writeModel(parts[part]));
      }
      await writeLayout(draft, { source, layout });
      await replaceFolder(draft, folder, source);
      return graphsIn(folder, layout);
    } catch (cause) {
      refusal = cause;
    } finally {
      await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  throw refusal;
}

/** Another process may have been faster: then its folder, which holds the same, stays. */
async function replaceFolder(draft: string, folder: string, source: Source): Promise<void> {
  const isThere = async (): Promise<boolean> => (await readStored(folder))?.source.sha256 === source.sha256;
  if (await isThere()) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await rename(draft, folder);
  } catch (cause) {
    if (!(await isThere())) throw cause;
  }
}

/** Parts that an earlier release cut take as much room as the voice; where they cannot be removed they are in nobody's way. */
async function removeOlder(voicePath: string): Promise<void> {
  const prefix = `.${basename(voicePath)}.cut-`;
  for (const name of await readdir(dirname(voicePath)).catch(() => [])) {
    const version = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : NaN;
    if (!(version < cutterVersion)) continue;
    await rm(join(dirname(voicePath), name), { recursive: true, force: true }).catch(() => undefined);
  }
}
