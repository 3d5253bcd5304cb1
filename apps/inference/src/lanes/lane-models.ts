import { join } from 'node:path';
import { loadManifest, planSync } from '@app/artifacts';
import { laneFunction, laneName, ProblemError, type Lane } from '@app/protocol';
import type { EngineModel } from '@app/speech/engines';

/**
 * The models in this folder that a lane can serve. Empty for a lane that needs no download. Throws
 * `artifact_unavailable` if another lane has none. The detail names the models to download.
 */
export async function heldModels(lane: Lane, modelsFolder: string): Promise<EngineModel[]> {
  if (laneFunction(lane).models === 'builtin') return [];
  const manifest = loadManifest();
  const offered = manifest.artifacts.filter(({ serves }) => serves?.lane === laneName(lane)).map(({ id }) => id);
  const { held } = await planSync(manifest, offered, modelsFolder);
  if (held.length === 0) {
    const wanted = offered.length > 0 ? `one of ${offered.join(', ')}` : 'a model that the manifest does not list';
    throw new ProblemError('artifact_unavailable', {
      detail: `Lane ${laneName(lane)} needs ${wanted} in ${modelsFolder}: npm run models -- get ${offered[0] ?? 'ID'}`,
    });
  }
  const anyDefault = held.some(({ artifact }) => artifact.default);
  return held.map(({ artifact }, index) => ({
    id: artifact.id,
    folder: join(modelsFolder, artifact.id),
    preload: anyDefault ? artifact.default : index === 0,
  }));
}
