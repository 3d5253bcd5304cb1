import { defaultLanes, type Manifest } from '@app/artifacts';
import { builtinModel, hostLane, laneName, type Dispatches, type Lane } from '@app/protocol';

/** A process of the inference app, and what it serves. */
export interface WorkerPlan {
  /** `tts-1` for example. */
  readonly name: string;
  /** As LANES takes them. */
  readonly lanes: string;
}

/** Who serves the lanes of the manifest on one machine. */
export interface InferencePlan {
  /**
   * Each kind of job with models has as many workers as were asked for. A lane whose engine they have anyway is served by them too;
   * the other lanes for which nothing is fetched share one worker.
   */
  readonly workers: readonly WorkerPlan[];
  /** Lanes of functions with request dispatch, as LANES takes them; undefined when there are none. */
  readonly served: string | undefined;
}

/** Divides the lanes that are served by default among processes. */
export function planInference(manifest: Manifest, dispatches: Dispatches, workersEach: number): InferencePlan {
  const lanes = defaultLanes(manifest);
  const isRequested = ({ kind }: Lane): boolean => dispatches.get(kind) === 'request';
  const queued = lanes.filter((lane) => !isRequested(lane));
  const ofModels = queued.filter(({ model }) => model !== builtinModel);
  const builtin = queued.filter((lane) => lane.model === builtinModel && !hostLane(lane, ofModels));
  const guestsOf = (kind: string): Lane[] => queued.filter((lane) => hostLane(lane, ofModels)?.kind === kind);
  // Kinds in the order of their names, reversed: text-to-speech comes first in reports.
  const kinds = [...new Set(ofModels.map(({ kind }) => kind))].sort().reverse();
  const workers = kinds.flatMap((kind) =>
    Array.from({ length: workersEach }, (_, index) => ({
      name: `${kind}-${index + 1}`,
      lanes: written([...ofModels.filter((lane) => lane.kind === kind), ...guestsOf(kind)]),
    })),
  );
  const served = lanes.filter(isRequested);
  return {
    workers: builtin.length > 0 ? [...workers, { name: 'builtin-1', lanes: written(builtin) }] : workers,
    served: served.length > 0 ? written(served) : undefined,
  };
}

const written = (lanes: readonly Lane[]): string => lanes.map(laneName).join(',');
