import { decodeFrame, idPattern, laneFunction, validated, type Job, type Lane } from '@app/protocol';

/** Whom to ask about a job, whatever else is in it. */
export interface JobAddress {
  readonly jobId: string;
  readonly gatewayId: string;
}

/** Undefined when the message is no job at all. Looks at the two ids only, since a claim should not wait for the rest. */
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

/** A job as it was put on the bus. */
export interface ReadJob {
  readonly job: Job;
  /** The binary part of the job; a view, empty for most kinds. */
  readonly body: Uint8Array;
}

/** The job as an instance of its kind's class; throws `bad_request` when it breaks the rules of the kind. */
export function readJob(lane: Lane, payload: Uint8Array): ReadJob {
  const { header, body } = decodeFrame(payload);
  return { job: validated(laneFunction(lane).job, header), body };
}
