import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseLane, ProblemError, type Lane } from '@app/protocol';
import type { Tuning } from '@app/speech/batching';
import { tuningFrom, type InferenceConfig } from './inference.config';

/** The derived settings of a worker. */
export class WorkerSettings {
  readonly tuning: Tuning;
  readonly lanes: readonly Lane[];
  /** Processes of a lane, and threads of each. */
  readonly engines: { readonly count: number; readonly threads: number };
  /** Unique for each process. A restarted worker would otherwise be taken for the one that died. */
  readonly workerId: string;

  /** Throws `config_invalid` for an invalid lane. */
  constructor(readonly config: Readonly<InferenceConfig>) {
    this.tuning = tuningFrom(config);
    this.lanes = config.lanes.map(laneOf);
    this.engines = enginesOf(config, this.tuning);
    const random = randomBytes(4).toString('hex');
    this.workerId = config.workerId ? `${config.workerId.slice(0, 55)}-${random}` : `worker-${random}`;
  }
}

/** Requests can share batches only in one process. Without batching, one thread per process is fastest on a CPU. */
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
