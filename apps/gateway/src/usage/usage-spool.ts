import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readUsageRecord, type UsageRecord } from '@app/protocol';

/** A file of the spool: one usage record in each line. */
export interface SpoolFile {
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
  /** When its oldest record ended, in milliseconds since 1970. */
  readonly oldestAtMs: number;
}

/** The content of a spool file. */
export interface SpoolContent {
  readonly records: readonly SpooledRecord[];
  /** Whole lines that hold no usage record. A torn last line is not one of them: it was never confirmed. */
  readonly unreadable: number;
}

/** A record as it was appended, without the line end. */
export interface SpooledRecord {
  readonly record: UsageRecord;
  readonly bytes: Buffer;
}

interface Waiting {
  readonly line: Buffer;
  readonly atMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const suffix = '.jsonl';
const lineEnd = 0x0a;
/** A file is closed at this size, so that no read of one holds the event loop for long. */
const maxFileBytes = 256 * 1024;

/**
 * Usage records in a folder, until they are published. Records are appended to one file. `take` closes it, so that it can
 * be read, published and removed as a whole. Gateways may share a folder: `open` takes over the files of others. A gateway
 * whose file was taken over while it wrote to it writes the same lines to a new file.
 */
export class UsageSpool {
  private readonly prefix = `usage-${Date.now()}-${randomBytes(6).toString('hex')}`;
  private filesMade = 0;
  private current: { readonly handle: FileHandle; file: SpoolFile } | undefined;
  private closed: SpoolFile[] = [];
  private waiting: Waiting[] = [];
  /** Bytes of the records whose append has neither resolved nor rejected. */
  waitingBytes = 0;
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly folder: string) {}

  /** Creates the folder, proves that it can be written, and takes over the files in it. Rejects with the error of the system. */
  open(): Promise<void> {
    return this.exclusively(async () => {
      await mkdir(this.folder, { recursive: true });
      await this.prove();
      const names = (await readdir(this.folder)).filter((name) => name.endsWith(suffix)).sort();
      // Also a file with a name of this gateway, if an earlier take-over of it failed half way.
      for (const path of names.map((name) => join(this.folder, name))) if (!this.holds(path)) await this.adopt(path);
    });
  }

  /**
   * Appends the bytes of a record. Resolves when they are on the disk. Records that arrive during a write share the next
   * one. After a rejection the record may or may not be in the spool, and may be appended again.
   */
  append(bytes: Uint8Array, atMs: number): Promise<void> {
    const line = Buffer.concat([bytes, Buffer.of(lineEnd)]);
    this.waitingBytes += line.length;
    const appended = new Promise<void>((resolve, reject) => {
      this.waiting.push({ line, atMs, resolve, reject });
      if (this.waiting.length === 1) void this.exclusively(() => this.writeWaiting());
    });
    return appended.finally(() => (this.waitingBytes -= line.length));
  }

  /** The oldest file that may be read and removed, or undefined if the spool is empty. It stays in the spool. */
  take(): Promise<SpoolFile | undefined> {
    return this.exclusively(async () => {
      if (this.closed.length === 0) await this.closeCurrent();
      return this.closed[0];
    });
  }

  /** Reads a file. It is empty if another gateway has taken it over. */
  async read({ path }: Pick<SpoolFile, 'path'>): Promise<SpoolContent> {
    const bytes = await readFile(path).catch(emptyIfMissing);
    const records: SpooledRecord[] = [];
    let unreadable = 0;
    let at = 0;
    for (let end = bytes.indexOf(lineEnd); end >= 0; end = bytes.indexOf(lineEnd, at)) {
      const line = bytes.subarray(at, end);
      at = end + 1;
      try {
        records.push({ record: readUsageRecord(line), bytes: line });
      } catch {
        unreadable++;
      }
    }
    return { records, unreadable };
  }

  /** Removes a file whose records were published. `keep` renames it instead, so that a person can read it. */
  async remove({ path }: SpoolFile, { keep = false } = {}): Promise<void> {
    await (keep ? rename(path, `${path}.unreadable`) : unlink(path)).catch(emptyIfMissing);
    this.closed = this.closed.filter((file) => file.path !== path);
  }

  /** All files that hold records. */
  get files(): readonly SpoolFile[] {
    return this.current ? [...this.closed, this.current.file] : this.closed;
  }

  /** Finishes the writes that were begun and closes the file. */
  close(): Promise<void> {
    return this.exclusively(() => this.closeCurrent());
  }

  private async writeWaiting(): Promise<void> {
    const batch = this.waiting;
    this.waiting = [];
    try {
      await this.write(batch);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      // The file may end in a part of a line. Nothing may follow it.
      const failed = this.current?.file;
      await this.closeCurrent().catch(() => undefined);
      if (failed?.records === 0) await this.remove(failed).catch(() => undefined);
      for (const { reject } of batch) reject(error);
    }
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    const lines = Buffer.concat(batch.map(({ line }) => line));
    for (;;) {
      const current = (this.current ??= await this.create());
      await current.handle.appendFile(lines);
      await current.handle.datasync();
      current.file = {
        path: current.file.path,
        records: current.file.records + batch.length,
        bytes: current.file.bytes + lines.length,
        oldestAtMs: Math.min(current.file.oldestAtMs, ...batch.map(({ atMs }) => atMs)),
      };
      if (await isInPlace(current)) break;
      this.current = undefined;
      await current.handle.close();
    }
    if (this.current.file.bytes >= maxFileBytes) await this.closeCurrent();
  }

  private async create(): Promise<NonNullable<UsageSpool['current']>> {
    const path = this.nextPath();
    const handle = await open(path, 'ax', 0o600);
    await this.syncFolder();
    return { handle, file: { path, records: 0, bytes: 0, oldestAtMs: Infinity } };
  }

  private async closeCurrent(): Promise<void> {
    if (!this.current) return;
    const { handle, file } = this.current;
    this.current = undefined;
    this.closed.push(file);
    await handle.close();
  }

  private async prove(): Promise<void> {
    const path = join(this.folder, `${this.prefix}.probe`);
    const handle = await open(path, 'w', 0o600);
    try {
      await handle.appendFile('probe');
      await handle.datasync();
    } finally {
      await handle.close();
      await unlink(path);
    }
  }

  /** Renames before it reads, so that the other gateway either finds its file gone or has written before this reads. */
  private async adopt(theirs: string): Promise<void> {
    const path = this.nextPath();
    const isTaken = await rename(theirs, path).then(() => true, isMissing);
    if (!isTaken) return;
    await this.syncFolder();
    const { records } = await this.read({ path });
    const oldestAtMs = Math.min(...records.map(({ record }) => Date.parse(record.at)));
    this.closed.push({ path, records: records.length, bytes: (await stat(path)).size, oldestAtMs });
  }

  private async syncFolder(): Promise<void> {
    const handle = await open(this.folder, 'r');
    await handle.sync().finally(() => handle.close());
  }

  private holds(path: string): boolean {
    return this.files.some((file) => file.path === path);
  }

  private nextPath(): string {
    return join(this.folder, `${this.prefix}-${String(this.filesMade++).padStart(8, '0')}${suffix}`);
  }

  private exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.running.then(action);
    this.running = result.catch(() => undefined);
    return result;
  }
}

/** Whether the file is still where it was created. */
async function isInPlace({ handle, file }: { handle: FileHandle; file: SpoolFile }): Promise<boolean> {
  const [written, found] = await Promise.all([
    handle.stat(),
    stat(file.path).catch((error: unknown) => void isMissing(error)),
  ]);
  return found?.ino === written.ino;
}

/** False for an error that says that there is no such file. Throws any other error. */
function isMissing(error: unknown): false {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
  throw error;
}

function emptyIfMissing(error: unknown): Buffer {
  isMissing(error);
  return Buffer.alloc(0);
}
