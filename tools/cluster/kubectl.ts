import { join } from 'node:path';
import { fetchArtifacts, parseManifest, planSync } from '@app/artifacts';
import { cacheFolder } from './cache';
import pinned from './pinned.json';

const id = 'kubectl';

/** Whether the pinned kubectl is in the cache. Throws `tool_missing` on a platform without one. */
export const hasKubectl = async (): Promise<boolean> => (await plan()).missing.length === 0;

/** The path of the pinned kubectl in the cache, fetched if need be. Throws as fetchArtifacts does. */
export async function fetchKubectl(): Promise<string> {
  const wanted = await plan();
  if (wanted.missing.length > 0) console.log('fetching kubectl…');
  await fetchArtifacts(wanted);
  return join(wanted.folder, id, id);
}

const plan = () => planSync(parseManifest(pinned), [id], join(cacheFolder(), 'pinned'));
