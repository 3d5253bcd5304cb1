import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseLane, ProblemError, type Lane } from '@app/protocol';
import type { Tuning } from '@app/speech/batching';
import { tuningFrom, type InferenceConfig } from './inference.config';

/** The configuration as a worker uses it. */
export class WorkerSettings {
  readonly tuning: Tuning;
  readonly lanes: readonly Lane[];
  /** Processes of a lane, and threads of each. */
  readonly engines: { readonly count: number; readonly threads: number };
  /** Unique per process: one that came back would pass for the one that died. */
  readonly workerId: string;

  /** Throws `config_invalid` for a lane that is none. */
  constructor(readonly config: Readonly<InferenceConfig>) {
    this.tuning = tuningFrom(config);
    this.lanes = config.lanes.map(laneOf);
    this.engines = enginesOf(config, this.tuning);
    const random = randomBytes(4).toString('hex');
    this.workerId = config.workerId ? `${config.workerId.slice(0, 55)}-${random}` : `worker-${random}`;
  }
}

/** Requests that are to share batches must meet in one engine; on a CPU one thread per engine is the quickest otherwise. */
function enginesOf(config: Readonly<InferenceConfig>, { batching }: Tuning): WorkerSettings['engines'] {
  const cores = availableParallelism();
  const together = batching === 'always' || config.executionProvider === 'cuda';
  return {
    count: config.engines ?? (together ? 1 : cores),
    threads: config.engineThreads ?? (together && config.executionProvider === 'cpu' ? cores : 1),
  };
}

function laneOf(name: string): Lane {
  try {
    return parseLane(name);
  } catch (cause) {
    const detail = `LANES must name KIND.MODEL with a kind of the function graph, not "${name}".`;
    throw new ProblemError('config_invalid', { detail, cause });
  }
}
