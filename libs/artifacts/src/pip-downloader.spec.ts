import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noise, writeWheel } from '../test/small-artifact';
import { sha256OfFile } from './checksum';
import type { Source } from './manifest';
import { pipEnvironment } from './pip.config';
import { PipDownloader } from './pip-downloader';

let root: string;
let into: string;
let source: Source;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pip-'));
  into = join(root, 'into');
  mkdirSync(into);
  source = writeWheel(join(root, 'wheels'), 'antiphon-test-wheel', { 'data/noise.bin': noise(300_000) });
});
afterEach(() => rmSync(root, { recursive: true }));

const download = (
  downloader: PipDownloader,
  wanted: Source = source,
  onBytes: (bytes: number) => void = () => undefined,
) => downloader.download(wanted, { into, onBytes });

/** A command that answers `--version` as pip does and runs this shell script otherwise. */
const pipThat = (script: string): PipDownloader =>
  new PipDownloader([['sh', '-c', `if [ "$1" = --version ]; then exit 0; fi; ${script}`, 'pip']]);

const pip = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
const withPip = pip ? describe : describe.skip;

withPip(`PipDownloader with the pip of this machine${pip ? '' : ' (skipped: python3 has no pip)'}`, () => {
  const offlineIndex = (temporaryFolder: string) => ({
    ...pipEnvironment(temporaryFolder),
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: join(root, 'wheels'),
  });
  const machinePip = () => new PipDownloader(undefined, offlineIndex);

  it('brings the wheel as it is', async () => {
    const path = await download(machinePip());
    expect(await sha256OfFile(path)).toBe(source.sha256);
  });

  it("passes on pip's reason when there is no such version", async () => {
    await expect(download(machinePip(), { ...source, version: '9.9.9' })).rejects.toMatchObject({
      code: 'artifact_unavailable',
      detail: expect.stringMatching(/antiphon-test-wheel 9\.9\.9: .*No matching distribution/) as string,
    });
  });
});

describe('PipDownloader', () => {
  it('names the missing tool and how to install it', async () => {
    await expect(download(new PipDownloader([['no-such-pip'], ['false']]))).rejects.toMatchObject({
      code: 'tool_missing',
      detail: expect.stringMatching(/pip.*python3-pip/s) as string,
    });
  });

  it('takes the first way to call pip that works', async () => {
    const log = join(root, 'log');
    const works = ['sh', '-c', `echo "$@" >> ${log}; exit 1`, 'pip'];
    await expect(download(new PipDownloader([['no-such-pip'], works, ['false']]))).rejects.toThrow();
    expect(readFileSync(log, 'utf8')).toBe('--version\n');
  });

  it('tells a full disk from other failures', async () => {
    const full = pipThat('echo "ERROR: Could not install packages: [Errno 28] No space left on device" >&2; exit 1');
    await expect(download(full)).rejects.toMatchObject({ code: 'disk_full' });
  });

  it('does not take a success without a file for one', async () => {
    await expect(download(pipThat('exit 0'))).rejects.toMatchObject({ code: 'artifact_unavailable' });
  });

  it('lets pip write its temporary files only where they are swept', async () => {
    await expect(download(pipThat('echo "ERROR: TMPDIR=$TMPDIR" >&2; exit 1'))).rejects.toThrow(`TMPDIR=${into}`);
  });

  it('reports the bytes on the disk while pip works, as far as the size of the wheel', async () => {
    const seen: number[] = [];
    const script = 'head -c 1000 /dev/zero > "$TMPDIR/part"; while [ ! -e "$TMPDIR/go" ]; do sleep 0.05; done; exit 1';
    const downloading = download(pipThat(script), source, (bytes) => {
      seen.push(bytes);
      if (seen.length === 1) writeFileSync(join(into, 'more'), noise(900_000));
      else writeFileSync(join(into, 'go'), '');
    });
    await expect(downloading).rejects.toThrow();
    expect(seen).toEqual([1000, source.bytes]);
  });

  it('ends pip when it is aborted', async () => {
    const controller = new AbortController();
    const running = pipThat('echo partial > "$TMPDIR/partial"; exec sleep 60').download(source, {
      into,
      onBytes: (bytes) => bytes > 0 && controller.abort(),
      signal: controller.signal,
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });
});
