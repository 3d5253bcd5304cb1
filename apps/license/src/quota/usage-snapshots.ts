import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { KeyValueStore } from '@app/broker';
import type { UsageSum } from '@app/licensing';
import type { Log } from '@app/platform';

const entry = 'usage-totals';
/** Longest text of a snapshot. NATS takes 1 MiB in a message. */
const maxTextBytes = 900 * 1_024;
/** Longest content of a snapshot that is read. */
const maxContentBytes = 64 * 1_024 * 1_024;

const [compress, decompress] = [promisify(deflateRaw), promisify(inflateRaw)];

/** Sums of the usage stream up to a sequence. */
export interface UsageSnapshot {
  readonly sequence: number;
  readonly sums: readonly UsageSum[];
}

/**
 * The latest snapshot of what was counted, shared by the license processes in an entry of the bucket, so that a process that
 * starts need not read the whole stream. An entry that cannot be read is as good as none.
 */
export class UsageSnapshots {
  private isTooLong = false;

  constructor(
    private readonly store: KeyValueStore,
    private readonly log: Log,
  ) {}

  /** The snapshot of the bucket; undefined if there is none. */
  async load(): Promise<UsageSnapshot | undefined> {
    return this.read(await this.store.get(entry));
  }

  /**
   * Stores a snapshot unless another process stored a newer one. `newest` is the last sequence of the stream: a snapshot beyond
   * it is of another stream.
   */
  async save(snapshot: UsageSnapshot, newest: number): Promise<void> {
    const text = await textOf(snapshot);
    if (text.length > maxTextBytes) return this.tooLong(text.length);
    const presentText = await this.store.get(entry);
    if (presentText === undefined) return this.store.put(entry, text);
    const present = await this.read(presentText);
    if (present && present.sequence >= snapshot.sequence && present.sequence <= newest) return;
    // Where another process was faster, its snapshot is as good.
    await this.store.replace(entry, presentText, text);
  }

  private async read(text: string | undefined): Promise<UsageSnapshot | undefined> {
    if (text === undefined) return undefined;
    const snapshot = await snapshotOf(text).catch(() => undefined);
    if (!snapshot) this.log.warn('snapshot of usage totals ignored: it is damaged');
    return snapshot;
  }

  private tooLong(bytes: number): void {
    if (!this.isTooLong) {
      this.log.warn('snapshot of usage totals is too long; a restart reads the whole usage stream', { bytes });
    }
    this.isTooLong = true;
  }
}

/** A sum without its names, which are the same in every row. */
type Row = [string, string, string, string, number, number, number, number];

const rowOf = (sum: UsageSum): Row => [
  sum.month,
  sum.keyId,
  sum.model,
  sum.kind,
  sum.sampleRateHz,
  sum.requests,
  sum.characters,
  sum.audioSamples,
];

async function textOf({ sequence, sums }: UsageSnapshot): Promise<string> {
  const content = await compress(JSON.stringify({ sequence, rows: sums.map(rowOf) }));
  return content.toString('base64');
}

/** Rejects where the text is no snapshot. */
async function snapshotOf(text: string): Promise<UsageSnapshot> {
  const content = await decompress(Buffer.from(text, 'base64'), { maxOutputLength: maxContentBytes });
  const { sequence, rows } = JSON.parse(content.toString('utf8')) as { sequence: unknown; rows: unknown[] };
  if (!isCount(sequence)) throw new TypeError('sequence');
  return { sequence, sums: rows.map(sumOf) };
}

function sumOf(row: unknown): UsageSum {
  if (!isRow(row)) throw new TypeError('row');
  const [month, keyId, model, kind, sampleRateHz, requests, characters, audioSamples] = row;
  return { month, keyId, model, kind, sampleRateHz, requests, characters, audioSamples };
}

const isRow = (row: unknown): row is Row =>
  Array.isArray(row) &&
  row.length === 8 &&
  row.slice(0, 4).every((name) => typeof name === 'string') &&
  row.slice(4).every(isCount) &&
  row[4] > 0;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
