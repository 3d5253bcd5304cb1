import { copyFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ProblemError } from '@app/protocol';
import { sha256OfFile } from './checksum';
import type { Source } from './manifest';

/** The options of a download. */
export interface DownloadOptions {
  /** An empty folder for the file and temporary files. Its owner removes it. */
  readonly into: string;
  /** Called from time to time with the number of bytes on disk. */
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Downloads one source and returns the path of the file. The caller checks the content. */
export interface Downloader {
  download(source: Source, options: DownloadOptions): Promise<string>;
}

/** Takes wheels from a folder, for machines without access to a registry. */
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
