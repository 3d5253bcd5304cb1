import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSmallArtifact } from '../test/small-artifact';
import { FolderDownloader } from './download';
import { fetchArtifacts } from './fetch';
import { loadManifest, type Manifest } from './manifest';
import { planSync, verifyArtifacts } from './plan';

let folder: string;
let home: string;
let manifest: Manifest;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plan-'));
  home = join(folder, 'small-voice');
  manifest = writeSmallArtifact(join(folder, 'wheels'));
  const downloader = new FolderDownloader(join(folder, 'wheels'));
  await fetchArtifacts(await planSync(manifest, ['small-voice'], folder), { downloader });
});
afterEach(() => rmSync(folder, { recursive: true }));

const missingIds = async (): Promise<string[]> =>
  (await planSync(manifest, ['small-voice'], folder)).missing.map(({ artifact }) => artifact.id);

/** Changes one byte and no size. */
function damage(path: string): void {
  const content = readFileSync(path);
  content[100] = (content[100] ?? 0) ^ 1;
  writeFileSync(path, content);
}

describe('planSync', () => {
  it('holds what was fetched', async () => {
    expect(await missingIds()).toEqual([]);
  });

  it('misses an artifact whose file is gone or shorter', async () => {
    writeFileSync(join(home, 'run'), 'short');
    expect(await missingIds()).toEqual(['small-voice']);
    rmSync(join(home, 'run'));
    expect(await missingIds()).toEqual(['small-voice']);
  });

  it('hashes files that something else put there, and then knows them', async () => {
    rmSync(join(home, '.verified'));
    expect(await missingIds()).toEqual([]);
    expect(readFileSync(join(home, '.verified'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('misses files of the right size and another content', async () => {
    rmSync(join(home, '.verified'));
    damage(join(home, 'weights.bin'));
    expect(await missingIds()).toEqual(['small-voice']);
  });

  it('misses an artifact of which the manifest now pins another content', async () => {
    const [file] = manifest.artifacts[0]?.builds[0]?.files ?? [];
    if (file) file.sha256 = '0'.repeat(64);
    expect(await missingIds()).toEqual(['small-voice']);
  });

  it('says that a tool is not pinned for a platform, and where to get it', async () => {
    await expect(planSync(loadManifest(), ['nats-server'], folder, 'sunos-x64')).rejects.toMatchObject({
      code: 'tool_missing',
      detail: expect.stringContaining('https://github.com/nats-io/nats-server') as string,
    });
  });
});

describe('verifyArtifacts', () => {
  it('reads every file again', async () => {
    expect(await verifyArtifacts(manifest, ['small-voice'], folder)).toEqual([
      { id: 'small-voice', path: 'weights.bin', state: 'ok' },
      { id: 'small-voice', path: 'run', state: 'ok' },
    ]);
  });

  it('finds what changed or is gone, and lets it be fetched again', async () => {
    damage(join(home, 'weights.bin'));
    expect(await missingIds()).toEqual([]);
    rmSync(join(home, 'run'));
    expect((await verifyArtifacts(manifest, ['small-voice'], folder)).map(({ state }) => state)).toEqual([
      'corrupt',
      'missing',
    ]);
    expect(await missingIds()).toEqual(['small-voice']);
  });
});
