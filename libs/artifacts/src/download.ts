import { copyFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ProblemError } from '@app/protocol';
import { sha256OfFile } from './checksum';
import type { Source } from './manifest';

/** What a download is told besides what to bring. */
export interface DownloadOptions {
  /** An empty folder to put the file and anything temporary into; its owner removes it. */
  readonly into: string;
  /** Called with the bytes on disk so far, from time to time. */
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Brings one source to this machine and answers with the path of the file. It need not check the content. */
export interface Downloader {
  download(source: Source, options: DownloadOptions): Promise<string>;
}

/** Takes wheels from a folder, for machines that reach no registry. */
export class FolderDownloader implements Downloader {
  constructor(private readonly folder: string) {}

  async download(source: Source, { into }: DownloadOptions): Promise<string> {
    const stem = `${source.name.replaceAll('-', '_')}-${source.version}-`;
    for (const name of (await readdir(this.folder)).filter((entry) => entry.startsWith(stem))) {
      const path = join(this.folder, name);
      if ((await stat(path)).size !== source.bytes || (await sha256OfFile(path)) !== source.sha256) continue;
      const copy = join(into, basename(path));
      await copyFile(path, copy);
      return copy;
    }
    throw new ProblemError('artifact_unavailable', {
      detail: `${this.folder} holds no wheel ${source.name} ${source.version} with the pinned SHA-256.`,
    });
  }
}
