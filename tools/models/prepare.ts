import { join } from 'node:path';
import type { Artifact } from '@app/artifacts';
import { laneFunction, parseLane } from '@app/protocol';
import { profiles } from '@app/speech/batching';
import { loadEngine } from '@app/speech/engines';

/** As workers have them unless told otherwise; what is made from a model does not depend on the threads. */
const usual = { threads: 1, precision: 'int8', executionProvider: 'cpu' } as const;

/**
 * Loads a held voice or model once, so that the graphs made from it lie beside it: workers that cannot write there would make
 * them at every start. Answers false for an artifact that no engine loads; throws SpeechError when it is not as expected.
 */
export async function prepareArtifact({ id, serves }: Artifact, folder: string): Promise<boolean> {
  const engine = serves && laneFunction(parseLane(serves.lane)).engine;
  if (!engine) return false;
  const models = [{ id, folder: join(folder, id), preload: true }];
  await (await loadEngine(engine.name, { models, settings: usual, tuning: profiles.balanced })).close();
  return true;
}
