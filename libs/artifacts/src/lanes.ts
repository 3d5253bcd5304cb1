import { functionGraph, laneName, lanesOf, parseLane, type Lane } from '@app/protocol';
import type { Manifest } from './manifest';

/**
 * The lanes of a deployment that serves the defaults of the manifest, sorted by name. A function with models has one
 * lane for each default model. A function that needs no download has one lane.
 */
export function defaultLanes({ artifacts }: Manifest): Lane[] {
  const served = artifacts.flatMap((artifact) =>
    artifact.default && artifact.serves ? [parseLane(artifact.serves.lane)] : [],
  );
  const modelsOf = (kind: string): string[] => served.filter((lane) => lane.kind === kind).map(({ model }) => model);
  const lanes = functionGraph.flatMap((row) => lanesOf(row, modelsOf(row.kind)));
  return lanes.sort((a, b) => (laneName(a) < laneName(b) ? -1 : 1));
}
