import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ProblemError } from '@app/protocol';
import { Unzip, UnzipInflate, type UnzipFile } from 'fflate';

/** Bytes of the archive that are inflated at once. Limits the memory for a large member. */
const chunkBytes = 1 << 18;

interface Sink {
  readonly file: FileHandle;
  readonly pending: Uint8Array[];
  ended: boolean;
}

/**
 * Writes the wanted members of a zip to files, in one pass and without holding a member in memory.
 * `wanted` maps a member's name to the file to append to. Throws `artifact_corrupt` if one is absent or damaged.
 */
export async function extractMembers(archive: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  const sinks = new Map<string, Sink>();
  try {
    for (const [member, path] of wanted) sinks.set(member, { file: await open(path, 'a'), pending: [], ended: false });
    await inflate(archive, sinks);
    const absent = [...sinks].filter(([, { ended }]) => !ended).map(([member]) => member);
    if (absent.length > 0)
      throw new ProblemError('artifact_corrupt', { detail: `${archive} lacks ${absent.join(', ')}.` });
  } finally {
    for (const { file } of sinks.values()) await file.close();
  }
}

async function inflate(archive: string, sinks: ReadonlyMap<string, Sink>): Promise<void> {
  const unzip = new Unzip((member) => collect(member, sinks.get(member.name)));
  unzip.register(UnzipInflate);
  for await (const chunk of createReadStream(archive, { highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>) {
    push(unzip, archive, chunk);
    await flush(sinks);
  }
  push(unzip, archive, new Uint8Array(0), true);
  await flush(sinks);
}

function push(unzip: Unzip, archive: string, chunk: Uint8Array, final = false): void {
  try {
    unzip.push(chunk, final);
  } catch (cause) {
    throw new ProblemError('artifact_corrupt', { detail: `${archive} is not a readable zip file.`, cause });
  }
}

function collect(member: UnzipFile, sink: Sink | undefined): void {
  if (!sink) return;
  member.ondata = (error, data, final) => {
    if (error) throw error;
    sink.pending.push(data);
    sink.ended ||= final;
  };
  member.start();
}

async function flush(sinks: ReadonlyMap<string, Sink>): Promise<void> {
  for (const { file, pending } of sinks.values()) {
    for (const data of pending.splice(0)) await file.writeFile(data);
  }
}
