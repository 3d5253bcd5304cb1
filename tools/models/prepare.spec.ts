import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadManifest, type Artifact } from '@app/artifacts';
import { describeWithModels, modelFolder } from '../../test/support/models';
import { prepareArtifact } from './prepare';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'prepare-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const artifactOf = (id: string): Artifact => {
  const found = loadManifest().artifacts.find((artifact) => artifact.id === id);
  if (!found) throw new Error(`no artifact ${id}`);
  return found;
};

/** The files of a held artifact, without what was made from them before. */
function linkHeld(id: string): string {
  const home = join(folder, id);
  mkdirSync(home);
  for (const name of readdirSync(modelFolder(id))) {
    if (!name.startsWith('.')) symlinkSync(join(modelFolder(id), name), join(home, name));
  }
  return home;
}

describeWithModels(['piper-joe', 'whisper-tiny-en'], 'prepareArtifact', () => {
  it.each([
    ['piper-joe', ['cut-', 'model-']],
    ['whisper-tiny-en', ['graphs-', 'model-', 'silence-']],
  ])(
    'leaves the graphs of %s beside it',
    async (id, made) => {
      const home = linkHeld(id);
      expect(await prepareArtifact(artifactOf(id), folder)).toBe(true);
      const kept = readdirSync(join(home, '.graphs')).sort();
      expect(kept).toEqual(made.map((label) => expect.stringMatching(`^${label}`) as string));
    },
    300_000,
  );
});

it('has nothing to prepare for what no engine loads', async () => {
  expect(await prepareArtifact(artifactOf('nats-server'), folder)).toBe(false);
});
