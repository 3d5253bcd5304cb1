import { Readable } from 'node:stream';
import type { AppendLog } from '@app/broker';
import { archiveParts, auditKeysName, writeArchive, type ArchiveEntry } from '@app/licensing';
import type { Log } from '@app/platform';
import { ProblemError } from '@app/protocol';
import type { AuditChain } from './audit-chain';

/** Makes exports of the audit log: a tar of its records, of the usage stream and of the public keys. */
export class AuditExport {
  constructor(
    private readonly logs: { readonly audit: AppendLog; readonly usage: AppendLog },
    private readonly chain: AuditChain,
    private readonly publicKeysPem: string,
    private readonly log: Log,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /**
   * The tar as a stream. It holds every audit record that is left, up to a checkpoint that is made for it. A full log takes none;
   * its last records are unsigned in the tar then. About 16 MiB are in memory at a time. Fails where records are dropped that
   * it did not read yet: ask again then.
   */
  async tar(): Promise<Readable> {
    const first = await this.logs.audit.first();
    const end = await this.end();
    const stream = Readable.from(writeArchive(this.entries(first?.sequence ?? 1, end), this.nowMs()), {
      objectMode: false,
    });
    stream.on('error', (error) => this.log.error('export of the audit log failed', { err: error }));
    return stream;
  }

  /** Sequence of the last record of the tar. */
  private async end(): Promise<number> {
    try {
      return await this.chain.checkpoint();
    } catch (error) {
      if (ProblemError.from(error).code !== 'disk_full') throw error;
      this.log.warn('export of the audit log has no checkpoint of its own: the log is full');
      return (await this.logs.audit.last())?.sequence ?? 0;
    }
  }

  private async *entries(first: number, end: number): AsyncIterable<ArchiveEntry> {
    yield { name: auditKeysName, content: Buffer.from(this.publicKeysPem, 'utf8') };
    yield* archiveParts('audit', this.auditLines(first, end));
    yield* archiveParts('usage', this.usageLines());
  }

  private async *auditLines(first: number, end: number): AsyncIterable<Uint8Array> {
    let next = first;
    for await (const { sequence, payload } of this.logs.audit.read(first)) {
      if (sequence !== next) break;
      yield payload;
      next = sequence + 1;
      if (sequence === end) return;
    }
    throw new ProblemError('internal', { detail: 'Old audit records were dropped meanwhile. Export again.' });
  }

  private async *usageLines(): AsyncIterable<Uint8Array> {
    for await (const { payload } of this.logs.usage.read(1)) yield payload;
  }
}
