import { functionGraph, laneName, lanesOf, parseLane, type Lane } from '@app/protocol';
import type { Manifest } from './manifest';

/**
 * The lanes of a deployment that serves what the manifest serves by default: of each function, one for each such model, or its
 * only one where nothing is fetched for it. Sorted by name.
 */
export function defaultLanes({ artifacts }: Manifest): Lane[] {
  const served = artifacts.flatMap((artifact) =>
    artifact.default && artifact.serves ? [parseLane(artifact.serves.lane)] : [],
  );
  const modelsOf = (kind: string): string[] => served.filter((lane) => lane.kind === kind).map(({ model }) => model);
  const lanes = functionGraph.flatMap((row) => lanesOf(row, modelsOf(row.kind)));
  return lanes.sort((a, b) => (laneName(a) < laneName(b) ? -1 : 1));
}
