import { join } from 'node:path';
import { fetchArtifacts, parseManifest, planSync } from '@app/artifacts';
import { cacheFolder } from './cache';
import pinned from './pinned.json';

const id = 'kubectl';

/** The path of the pinned kubectl in the cache, fetched if need be. Throws as fetchArtifacts does. */
export async function fetchKubectl(): Promise<string> {
  const wanted = await planSync(parseManifest(pinned), [id], join(cacheFolder(), 'pinned'));
  if (wanted.missing.length > 0) console.log('fetching kubectl…');
  await fetchArtifacts(wanted);
  return join(wanted.folder, id, id);
}
