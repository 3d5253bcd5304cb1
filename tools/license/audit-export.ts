import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isArchive, readArchive } from '@app/licensing';
import { fileLines, linesIn } from './file-lines';
import { refusal, type LicenseAppAddress } from './license-api';

/** Stores an export of the audit log as `file`, which is whole or not there. Rejects with the message of the license app. */
export async function downloadExport({ url, key }: LicenseAppAddress, file: string): Promise<void> {
  const response = await fetch(new URL('audit', url), { headers: { authorization: `Bearer ${key}` } });
  if (!response.ok || !response.body) throw await refusal(response);
  const part = `${file}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body), createWriteStream(part, { mode: 0o600 }));
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

/** A part of an export: a file of lines, or the public keys. `name` has no folders. */
interface ExportPart {
  readonly name: string;
  readonly lines: () => AsyncIterable<Uint8Array>;
}

/** The audit records of an export, which is a tar, a folder with its files or one file of lines. */
export async function* auditLines(file: string): AsyncIterable<Uint8Array> {
  const kind = await kindOf(file);
  if (kind === 'lines') {
    yield* fileLines(file);
    return;
  }
  let before = '';
  for await (const { name, lines } of kind === 'archive' ? archiveParts(file) : folderParts(file)) {
    if (!/^audit.*\.jsonl$/.test(name)) continue;
    if (name < before) throw new Error('The files of the tar are not in order. Unpack it and check the folder.');
    before = name;
    yield* lines();
  }
}

/** The content of a file with this name in an export that is a tar or a folder; undefined if it has none. */
export async function exportFile(file: string, wanted: string): Promise<string | undefined> {
  const kind = await kindOf(file);
  if (kind === 'lines') return undefined;
  for await (const { name, lines } of kind === 'archive' ? archiveParts(file) : folderParts(file)) {
    if (name !== wanted) continue;
    const found: string[] = [];
    for await (const line of lines()) found.push(Buffer.from(line).toString('utf8'));
    return found.join('\n');
  }
  return undefined;
}

async function kindOf(file: string): Promise<'archive' | 'folder' | 'lines'> {
  if ((await stat(file)).isDirectory()) return 'folder';
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return bytesRead === 512 && isArchive(buffer) ? 'archive' : 'lines';
  } finally {
    await handle.close();
  }
}

async function* archiveParts(file: string): AsyncIterable<ExportPart> {
  for await (const { name, content } of readArchive(createReadStream(file) as AsyncIterable<Uint8Array>)) {
    yield { name: posix.basename(name), lines: () => linesIn([content]) };
  }
}

async function* folderParts(folder: string): AsyncIterable<ExportPart> {
  for (const name of (await readdir(folder)).sort()) yield { name, lines: () => fileLines(join(folder, name)) };
}
