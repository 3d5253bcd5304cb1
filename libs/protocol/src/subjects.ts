import { laneName, type Lane } from './lane';
import { namePrefix } from './product';

/** All NATS subjects. Ids are subject tokens: letters, digits, dashes and underscores. */
export const subjects = {
  /** Waiting jobs of a lane and job class (JetStream). */
  jobs: (lane: Lane, jobClass: string): string => `${namePrefix}.jobs.${laneName(lane)}.${jobClass}`,
  /** Request: a worker claims a job of this gateway. */
  claim: (gatewayId: string, jobId: string): string => `${namePrefix}.session.${gatewayId}.${jobId}.claim`,
  /** Outputs of a job, to its gateway. */
  output: (gatewayId: string, jobId: string): string => `${namePrefix}.session.${gatewayId}.${jobId}.output`,
  /** Everything for one gateway: claims and outputs. */
  session: (gatewayId: string): string => `${namePrefix}.session.${gatewayId}.>`,
  /** Inputs of a job, to the worker that holds it. */
  input: (workerId: string, jobId: string): string => `${namePrefix}.worker.${workerId}.${jobId}.input`,
  /** Everything for one worker. */
  worker: (workerId: string): string => `${namePrefix}.worker.${workerId}.>`,
  workerPresence: `${namePrefix}.presence.worker`,
  gatewayPresence: `${namePrefix}.presence.gateway`,
} as const;
