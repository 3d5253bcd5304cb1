import { join } from 'node:path';
import { loadManifest, planSync } from '@app/artifacts';
import { laneName, ProblemError, type Lane } from '@app/protocol';

/** A model or voice that this machine holds. */
export interface HeldModel {
  readonly id: string;
  readonly folder: string;
  /** Whether it is loaded before it is asked for. */
  readonly preload: boolean;
}

/** What a lane can serve from this folder; throws `artifact_unavailable` with what to fetch when that is nothing. */
export async function heldModels(lane: Lane, modelsFolder: string): Promise<HeldModel[]> {
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
