import { join } from 'node:path';
import type { Artifact } from '@app/artifacts';
import { createVitsEngine, createWhisperEngine } from '@app/speech/engines';

/** As workers have them unless told otherwise; what is made from a model does not depend on the threads. */
const usual = { threads: 1, executionProvider: 'cpu' } as const;

/**
 * Loads a held voice or model once, so that the graphs made from it lie beside it: workers that cannot write there would make
 * them at every start. Answers false for an artifact that no engine loads; throws SpeechError when it is not as expected.
 */
export async function prepareArtifact({ id, serves }: Artifact, folder: string): Promise<boolean> {
  const settings = { ...usual, modelFolder: join(folder, id) };
  switch (serves?.lane.split('.')[0]) {
    case 'tts':
      await (await createVitsEngine({ ...settings, precision: 'float32' })).close();
      return true;
    case 'stt':
      await (await createWhisperEngine({ ...settings, precision: 'int8' })).close();
      return true;
    default:
      return false;
  }
}
