import { Matches } from 'class-validator';
import { decodeFrame, idPattern, SttJob, TtsJob, validated, type Job, type JobKind, type Lane } from '@app/protocol';
import { readFrame } from '../wire';

/** Whom to ask about a job, whatever else is in it. */
export class JobAddress {
  @Matches(idPattern)
  jobId!: string;

  @Matches(idPattern)
  gatewayId!: string;
}

const jobClasses: Readonly<Record<JobKind, new () => Job>> = { tts: TtsJob, stt: SttJob };

/** Undefined when the message is no job at all. */
export function readAddress(payload: Uint8Array): JobAddress | undefined {
  const job = readFrame(JobAddress, payload)?.header;
  return job && { jobId: job.jobId, gatewayId: job.gatewayId };
}

/** The job as an instance of its kind's class; throws `bad_request` when it breaks the rules of the kind. */
export function readJob(lane: Lane, payload: Uint8Array): Job {
  return validated(jobClasses[lane.kind], decodeFrame(payload).header);
}
