import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings, weights, writeSmallArtifact } from '../test/small-artifact';
import { FolderDownloader, type Downloader } from './download';
import { fetchArtifacts, type FetchOptions, type FetchProgress } from './fetch';
import type { Manifest } from './manifest';
import { planSync } from './plan';

let root: string;
let folder: string;
let wheels: string;
let manifest: Manifest;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fetch-'));
  folder = join(root, 'models');
  wheels = join(root, 'wheels');
  manifest = writeSmallArtifact(wheels);
});
afterEach(() => rmSync(root, { recursive: true }));

const get = async (options: FetchOptions = {}): Promise<void> =>
  fetchArtifacts(await planSync(manifest, ['small-voice'], folder), {
    downloader: new FolderDownloader(wheels),
    ...options,
  });

const read = (file: string): Buffer => readFileSync(join(folder, 'small-voice', file));
const visible = (): string[] => readdirSync(folder).filter((name) => !name.startsWith('.'));
const leftovers = (): string[] => readdirSync(join(folder, '.incoming'));

const pinned = () => {
  const build = manifest.artifacts[0]?.builds[0];
  if (!build?.files[0] || !build.sources[1]) throw new Error('the fixture has two sources and two files');
  return { file: build.files[0], source: build.sources[1] };
};

const failing = (error: Error): Downloader => ({ download: () => Promise.reject(error) });

describe('fetchArtifacts', () => {
  it('puts every file in place, joined and executable where the manifest says so, and leaves nothing else', async () => {
    await get();
    expect(read('weights.bin').equals(weights)).toBe(true);
    expect(read('run').equals(settings)).toBe(true);
    expect(readdirSync(join(folder, 'small-voice')).sort()).toEqual(['.verified', 'run', 'weights.bin']);
    expect(statSync(join(folder, 'small-voice/run')).mode & 0o111).toBe(0o111);
    expect(statSync(join(folder, 'small-voice/weights.bin')).mode & 0o111).toBe(0);
    expect(leftovers()).toEqual([]);
  });

  it('reports bytes of all sources, never fewer than before, up to the total', async () => {
    const seen: FetchProgress[] = [];
    await get({ onProgress: (progress) => seen.push(progress) });
    const bytes = seen.map((progress) => progress.bytes);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ id: 'small-voice', step: 'done', bytes: seen[0]?.totalBytes });
  });

  it('starts no download offline, and names what is missing and the command that brings it', async () => {
    const downloader = failing(new Error('it was started'));
    await expect(get({ offline: true, downloader })).rejects.toMatchObject({
      code: 'artifact_unavailable',
      detail: expect.stringMatching(/small-voice.*npm run models -- get small-voice/) as string,
    });
  });

  it('does nothing, offline too, when all is held', async () => {
    await get();
    await expect(get({ offline: true })).resolves.toBeUndefined();
  });

  describe('keeps what was there, and leaves nothing behind, when', () => {
    beforeEach(() => {
      mkdirSync(join(folder, 'small-voice'), { recursive: true });
      writeFileSync(join(folder, 'small-voice/old.bin'), 'old');
    });
    afterEach(() => {
      expect(read('old.bin').toString()).toBe('old');
      expect(visible()).toEqual(['small-voice']);
      expect(leftovers()).toEqual([]);
    });

    it('a downloaded wheel has another hash', async () => {
      const wheel = join(wheels, 'small_two-1.0.0-py3-none-any.whl');
      const changed: Downloader = {
        async download(source, options) {
          const path = await new FolderDownloader(wheels).download(source, options);
          if (source.name === 'small-two') writeFileSync(path, readFileSync(wheel).fill(0, 60, 70));
          return path;
        },
      };
      await expect(get({ downloader: changed })).rejects.toMatchObject({
        code: 'artifact_corrupt',
        detail: expect.stringContaining(pinned().source.sha256) as string,
      });
    });

    it('an unpacked file has another hash', async () => {
      pinned().file.sha256 = 'f'.repeat(64);
      await expect(get()).rejects.toMatchObject({
        code: 'artifact_corrupt',
        detail: expect.stringContaining('weights.bin') as string,
      });
    });

    it('the disk fills up', async () => {
      const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      await expect(get({ downloader: failing(full) })).rejects.toMatchObject({
        code: 'disk_full',
        detail: expect.stringContaining(folder) as string,
      });
    });

    it('it is aborted', async () => {
      const controller = new AbortController();
      const onProgress = (): void => controller.abort(new Error('stopped by the user'));
      await expect(get({ onProgress, signal: controller.signal })).rejects.toThrow('stopped by the user');
    });
  });

  it('asks for room before it downloads, and says how much', async () => {
    pinned().file.bytes = 1e15;
    await expect(get({ downloader: failing(new Error('it was started')) })).rejects.toMatchObject({
      code: 'disk_full',
      detail: expect.stringMatching(/needs 1000000\d{3} MB in .* are free/) as string,
    });
  });

  it('sweeps what an interrupted process left, and nothing of one that still runs', async () => {
    const gone = join(folder, `.incoming/small-voice@${hostname()}@999999999@00`);
    const running = join(folder, `.incoming/other@${hostname()}@${process.pid}@00`);
    for (const path of [gone, running]) mkdirSync(path, { recursive: true });
    writeFileSync(join(gone, 'half.whl'), 'half');
    await get();
    expect(leftovers()).toEqual([`other@${hostname()}@${process.pid}@00`]);
  });

  it('may run twice at once', async () => {
    await Promise.all([get(), get(), get()]);
    expect(read('weights.bin').equals(weights)).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it('replaces an artifact that is not whole', async () => {
    await get();
    writeFileSync(join(folder, 'small-voice/run'), 'short');
    await get();
    expect(read('run').equals(settings)).toBe(true);
  });
});

describe('FolderDownloader', () => {
  it('says what the folder lacks', async () => {
    rmSync(join(wheels, 'small_two-1.0.0-py3-none-any.whl'));
    await expect(get()).rejects.toMatchObject({
      code: 'artifact_unavailable',
      detail: expect.stringContaining('small-two 1.0.0') as string,
    });
  });
});
