import { open, readdir, rename, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { auditHash, noPrevious, readAuditRecord } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { ifThere, makeFolder, syncFolder } from './durable-file';

/** Name of the file with the audit records of a deployment; earlier chains are in `audit-1.jsonl`, `audit-2.jsonl` and so on. */
const auditFileName = 'audit.jsonl';
const earlierPattern = /^audit-(\d+)\.jsonl$/;
const lineFeed = '\n'.charCodeAt(0);

interface Entry {
  readonly seq: number;
  readonly prev: string;
  readonly bytes: Buffer;
}

/** What is known of the file without reading it again. */
interface Chain {
  readonly firstSeq: number;
  /** Byte offset of each record. */
  readonly starts: number[];
  /** The `prev` of the record that comes next. */
  lastHash: string;
  bytes: number;
  ino: number;
}

const lastSeqOf = (chain: Chain | undefined): number => (chain ? chain.firstSeq + chain.starts.length - 1 : 0);

/**
 * The forwarded audit records of one deployment, one exact record in each line. Calls must not overlap. A half last line, which
 * a crash left, is cut when the file is read first.
 */
export class AuditFile {
  private chain: Chain | undefined;

  constructor(private readonly folder: string) {}

  /**
   * Stores what is new of these records and resolves to the number of the last one that is on disk. Records that follow a gap are not
   * stored. Records that begin a chain anew start a file anew: record 1 with other bytes, or after a gap the sender's `oldest`
   * record. Rejects with `audit_conflict` where the records contradict what is stored, with `bad_request` where they are no chain.
   */
  async append(records: readonly string[], oldest?: number): Promise<number> {
    const batch = readBatch(records);
    await this.load();
    const [first] = batch;
    if (!first) return lastSeqOf(this.chain);
    if (await this.beginsAnew(first, oldest)) return this.write(await this.begin(first), batch);
    const { chain } = this;
    if (!chain || first.seq > lastSeqOf(chain) + 1) return lastSeqOf(chain);
    const fresh = batch.slice(lastSeqOf(chain) + 1 - first.seq);
    await this.compare(chain, batch.slice(0, batch.length - fresh.length));
    if (fresh[0] && fresh[0].prev !== chain.lastHash)
      throw conflict(fresh[0].seq, 'does not follow the stored record before it');
    return this.write(chain, fresh);
  }

  private async beginsAnew(first: Entry, oldest: number | undefined): Promise<boolean> {
    const { chain } = this;
    const isOldest = first.seq === oldest && first.seq > lastSeqOf(chain) + 1;
    const isFirst = first.seq === 1 && (chain?.firstSeq !== 1 || !(await this.isStored(chain, first)));
    if (!isOldest && !isFirst) return false;
    // Otherwise two deployments that take turns under one name would replace each other's file for ever.
    for (const name of await this.earlier()) {
      const known = await readChain(join(this.folder, name));
      if (known && (await isStoredIn(join(this.folder, name), known, first))) {
        throw conflict(first.seq, 'belongs to an earlier chain of this deployment');
      }
    }
    return true;
  }

  /** Keeps the file of the chain before, if there is one. */
  private async begin(first: Entry): Promise<Chain> {
    await makeFolder(this.folder);
    if (this.chain) {
      this.chain = undefined;
      const numbers = (await this.earlier()).map((name) => Number(earlierPattern.exec(name)?.[1]));
      await rename(this.file, join(this.folder, `audit-${Math.max(0, ...numbers) + 1}.jsonl`));
    }
    return { firstSeq: first.seq, starts: [], lastHash: first.prev, bytes: 0, ino: 0 };
  }

  private async write(chain: Chain, fresh: readonly Entry[]): Promise<number> {
    const last = fresh.at(-1);
    if (!last) return lastSeqOf(chain);
    // Where the write fails, the file is read again.
    this.chain = undefined;
    const handle = await open(this.file, 'a', 0o600);
    try {
      await handle.writeFile(Buffer.concat(fresh.flatMap(({ bytes }) => [bytes, Buffer.of(lineFeed)])));
      await handle.datasync();
      chain.ino = (await handle.stat()).ino;
    } finally {
      await handle.close();
    }
    if (chain.bytes === 0) await syncFolder(this.folder);
    for (const { bytes } of fresh) {
      chain.starts.push(chain.bytes);
      chain.bytes += bytes.length + 1;
    }
    chain.lastHash = auditHash(last.bytes);
    this.chain = chain;
    return lastSeqOf(chain);
  }

  private async compare(chain: Chain, known: readonly Entry[]): Promise<void> {
    if (known.length === 0) return;
    const handle = await open(this.file, 'r');
    try {
      for (const entry of known) {
        if (!(await holds(handle, chain, entry)))
          throw conflict(entry.seq, 'differs from the stored record of this number');
      }
    } finally {
      await handle.close();
    }
  }

  private isStored(chain: Chain, entry: Entry): Promise<boolean> {
    return isStoredIn(this.file, chain, entry);
  }

  /** Reads the file unless it is as this object left it: an operator may have moved it away. */
  private async load(): Promise<void> {
    const now = await ifThere(stat(this.file));
    if (this.chain && now?.ino === this.chain.ino && now.size === this.chain.bytes) return;
    this.chain = await readChain(this.file);
  }

  private async earlier(): Promise<string[]> {
    const names = (await ifThere(readdir(this.folder))) ?? [];
    return names.filter((name) => earlierPattern.test(name));
  }

  private get file(): string {
    return join(this.folder, auditFileName);
  }
}

/** The chain of a file, whose half last line is cut; undefined where there is no record. */
async function readChain(file: string): Promise<Chain | undefined> {
  const handle = await ifThere(open(file, 'r+'));
  if (!handle) return undefined;
  try {
    const { starts, end } = await findLines(handle);
    if (end < (await handle.stat()).size) await handle.truncate(end);
    // What a crash left in the file may not be on the disk yet, and it will be acknowledged.
    await handle.datasync();
    if (starts.length === 0) return undefined;
    const { ino } = await handle.stat();
    const chain: Chain = { firstSeq: 0, starts, lastHash: noPrevious, bytes: end, ino };
    const [first, last] = [await lineAt(handle, chain, 0), await lineAt(handle, chain, starts.length - 1)];
    const [firstSeq, lastSeq] = [readAuditRecord(first)?.seq, readAuditRecord(last)?.seq];
    if (firstSeq === undefined || lastSeq !== firstSeq + starts.length - 1) {
      throw new Error(`${file} is not as it was written. Move it to another folder.`);
    }
    return { ...chain, firstSeq, lastHash: auditHash(last) };
  } finally {
    await handle.close();
  }
}

/** The offset of each whole line, and the offset after the last one. */
async function findLines(handle: FileHandle): Promise<{ starts: number[]; end: number }> {
  const starts: number[] = [];
  let [end, offset] = [0, 0];
  const chunk = Buffer.alloc(256 * 1_024);
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset);
    if (bytesRead === 0) return { starts, end };
    const bytes = chunk.subarray(0, bytesRead);
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      starts.push(end);
      end = offset + at + 1;
    }
    offset += bytesRead;
  }
}

async function lineAt(handle: FileHandle, { starts, bytes }: Chain, index: number): Promise<Buffer> {
  const start = starts[index] ?? bytes;
  const line = Buffer.alloc((starts[index + 1] ?? bytes) - start - 1);
  await handle.read(line, 0, line.length, start);
  return line;
}

async function holds(handle: FileHandle, chain: Chain, { seq, bytes }: Entry): Promise<boolean> {
  const index = seq - chain.firstSeq;
  return index >= 0 && index < chain.starts.length && (await lineAt(handle, chain, index)).equals(bytes);
}

async function isStoredIn(file: string, chain: Chain, entry: Entry): Promise<boolean> {
  const handle = await open(file, 'r');
  return holds(handle, chain, entry).finally(() => handle.close());
}

/** The records of a request, which must follow one another. */
function readBatch(records: readonly string[]): Entry[] {
  const batch: Entry[] = [];
  for (const [index, text] of records.entries()) {
    const bytes = Buffer.from(text, 'utf8');
    const record = readAuditRecord(bytes);
    // A lone surrogate has no bytes of its own, and a line holds one record.
    const isExact = bytes.toString('utf8') === text && !/[\n\r]/.test(text);
    if (!record || !isExact) throw badRecord(index, 'is not an audit record');
    const before = batch.at(-1);
    const follows = before ? record.seq === before.seq + 1 && record.prev === auditHash(before.bytes) : true;
    const begins = record.seq > 1 || record.prev === noPrevious;
    if (!follows || !begins)
      throw badRecord(index, follows ? 'is the first record but has a prev' : 'does not follow the record before it');
    batch.push({ seq: record.seq, prev: record.prev, bytes });
  }
  return batch;
}

const badRecord = (index: number, what: string): ProblemError =>
  new ProblemError('bad_request', { detail: `records.${index} ${what}.` });

const conflict = (seq: number, what: string): ProblemError =>
  new ProblemError('audit_conflict', { detail: `Audit record ${seq} ${what}. Nothing of this request was stored.` });
