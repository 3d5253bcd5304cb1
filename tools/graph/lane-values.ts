import { laneDefinition } from '@app/broker';
import { jetStreamName, laneClasses, laneFunction, type FunctionRow, type Lane } from '@app/protocol';

/** What the charts need to know of a lane; every field of it can be set anew in a values file. */
export interface LaneValues {
  readonly kind: string;
  readonly model: string;
  readonly dispatch: string;
  readonly stream: string;
  readonly consumers: readonly string[];
  readonly seats: number;
  readonly headroom: number;
  readonly gpu: boolean;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Most jobs that the lane takes, waiting or running, and so most seats that its workers can fill. */
  readonly maxJobs: number;
  readonly longestRunSeconds: number;
  /** Longest life of the request that holds a job open, where it is dispatched by request: its waits and its run. */
  readonly requestSeconds: number;
}

/** The key of a lane in the charts' values, and in names of its Kubernetes objects: `tts-piper`. */
export const laneKey = ({ kind, model }: Lane): string => `${kind}-${model}`;

/** A lane as the charts see it. */
export function laneValues(lane: Lane): LaneValues {
  const row = laneFunction(lane);
  return {
    kind: lane.kind,
    model: lane.model,
    dispatch: row.dispatch,
    stream: jetStreamName(lane),
    consumers: laneClasses(lane),
    seats: row.seats,
    headroom: row.headroom,
    gpu: row.wantsGpu,
    minReplicas: row.scale.min,
    maxReplicas: row.scale.max,
    maxJobs: mostJobs(lane),
    longestRunSeconds: Math.ceil(row.longestRunMs / 1_000),
    requestSeconds: Math.ceil((row.longestRunMs + longestWaitMs(row)) / 1_000),
  };
}

function mostJobs(lane: Lane): number {
  const { stream, consumers } = laneDefinition(lane);
  return Math.min(stream.max_msgs ?? Infinity, ...consumers.map(({ max_ack_pending }) => max_ack_pending ?? Infinity));
}

const longestWaitMs = ({ classes, failoverBudgetMs }: FunctionRow): number =>
  Math.max(failoverBudgetMs, ...classes.map(({ waitBudgetMs }) => waitBudgetMs));

/** The `lanes` below `global` of both charts as YAML. */
export function lanesYaml(lanes: readonly Lane[]): string {
  const lines = lanes.flatMap((lane) => [
    `    ${laneKey(lane)}:`,
    ...Object.entries(laneValues(lane)).map(([key, value]) => `      ${key}: ${yamlOf(value)}`),
  ]);
  return ['  lanes:', ...lines].join('\n') + '\n';
}

/** Numbers, booleans and lists of names are the same in YAML's flow style as in JSON; names need no quotes. */
const yamlOf = (value: unknown): string =>
  Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'string' ? value : JSON.stringify(value);
