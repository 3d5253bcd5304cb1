import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { noise } from '../test/small-artifact';
import { extractMembers } from './archive';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'archive-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const big = noise(1_500_000);

function archiveOf(level: 0 | 6): string {
  const path = join(folder, 'a.zip');
  writeFileSync(
    path,
    zipSync({ 'deep/big.bin': big, 'other.txt': strToU8('no'), 'small.txt': strToU8('yes') }, { level }),
  );
  return path;
}

describe('extractMembers', () => {
  it.each([0, 6] as const)('writes the wanted members of a zip at level %d, and no other', async (level) => {
    const bigPath = join(folder, 'big');
    const smallPath = join(folder, 'small');
    await extractMembers(archiveOf(level), new Map([['deep/big.bin', bigPath], ['small.txt', smallPath]])); // prettier-ignore
    expect(readFileSync(bigPath).equals(big)).toBe(true);
    expect(readFileSync(smallPath, 'utf8')).toBe('yes');
  });

  it('names a member that is not there', async () => {
    const wanted = new Map([['absent.bin', join(folder, 'absent')]]);
    await expect(extractMembers(archiveOf(6), wanted)).rejects.toMatchObject({
      code: 'artifact_corrupt',
      detail: expect.stringContaining('absent.bin') as string,
    });
  });

  it.each([
    ['cut off', (zip: Buffer) => zip.subarray(0, zip.length / 2)],
    ['no zip at all', () => Buffer.from('<html>not found</html>')],
  ])('refuses an archive that is %s', async (_, damage) => {
    const path = archiveOf(6);
    writeFileSync(path, damage(readFileSync(path)));
    const wanted = new Map([['deep/big.bin', join(folder, 'big')]]);
    await expect(extractMembers(path, wanted)).rejects.toMatchObject({ code: 'artifact_corrupt' });
  });
});
