import { decodeFrame, idPattern, laneFunction, validated, type Job, type Lane } from '@app/protocol';

/** The ids that are needed to claim a job. */
export interface JobAddress {
  readonly jobId: string;
  readonly gatewayId: string;
}

/** Reads the two ids of a job, so that a claim need not wait for the rest. Undefined if the message is not a job. */
export function readAddress(payload: Uint8Array): JobAddress | undefined {
  try {
    const header = decodeFrame(payload).header as Partial<JobAddress> | null;
    const { jobId, gatewayId } = header ?? {};
    return isId(jobId) && isId(gatewayId) ? { jobId, gatewayId } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const isId = (value: unknown): value is string => typeof value === 'string' && idPattern.test(value);

/** A decoded job. */
export interface ReadJob {
  readonly job: Job;
  /** The binary part of the job. It is a view, and empty for most kinds. */
  readonly body: Uint8Array;
}

/** Decodes a job as an instance of its kind's class. Throws `bad_request` if it breaks the rules of the kind. */
export function readJob(lane: Lane, payload: Uint8Array): ReadJob {
  const { header, body } = decodeFrame(payload);
  return { job: validated(laneFunction(lane).job, header), body };
}
