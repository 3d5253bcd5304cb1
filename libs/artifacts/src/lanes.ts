import { builtinModel, functionGraph, laneName, parseLane, type Lane } from '@app/protocol';
import type { Manifest } from './manifest';

/**
 * The lanes of a deployment that serves what the manifest serves by default: of each function, one for each such model, or the
 * only one where it needs none. Sorted by name.
 */
export function defaultLanes(manifest: Manifest): Lane[] {
  const served = manifest.artifacts.flatMap((artifact) =>
    artifact.default && artifact.serves ? [artifact.serves.lane] : [],
  );
  const names = functionGraph.flatMap(({ kind, models }) =>
    models === 'builtin'
      ? [laneName({ kind, model: builtinModel })]
      : served.filter((name) => parseLane(name).kind === kind),
  );
  return [...new Set(names)].sort().map(parseLane);
}
