import { decodeFrame, idPattern, SttJob, TtsJob, validated, type Job, type JobKind, type Lane } from '@app/protocol';

/** Whom to ask about a job, whatever else is in it. */
export interface JobAddress {
  readonly jobId: string;
  readonly gatewayId: string;
}

const jobClasses: Readonly<Record<JobKind, new () => Job>> = { tts: TtsJob, stt: SttJob };

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

/** The job as an instance of its kind's class; throws `bad_request` when it breaks the rules of the kind. */
export function readJob(lane: Lane, payload: Uint8Array): Job {
  return validated(jobClasses[lane.kind], decodeFrame(payload).header);
}
