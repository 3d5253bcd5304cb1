import { errors, RequestError } from '@nats-io/transport-node';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { ProblemError } from '@app/protocol';

/** Server error codes without a name in the client library. */
const sequenceNotFound = 10_043;
const backlogFull = 10_077;
const streamConfigDiffers = 10_058;
const replicasWithoutCluster = 10_074;
const consumerExists = new Set([10_105, 10_148]);

const apiCode = (error: unknown): number | undefined => (error instanceof JetStreamApiError ? error.code : undefined);

const nobodyThere = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError || (error instanceof RequestError && error.isNoResponders());

const isLaneUnknown = (error: unknown): boolean =>
  apiCode(error) === JetStreamApiCodes.StreamNotFound || apiCode(error) === JetStreamApiCodes.ConsumerNotFound;

/**
 * Whether the lane's JetStream stream or consumer does not exist. A publish reports this as a wrapped cause: no
 * responders.
 */
export const isLaneMissing = (error: unknown): boolean =>
  isLaneUnknown(error) || nobodyThere(error) || (error instanceof Error && nobodyThere(error.cause));

/** Whether the server reports that the message does not exist. */
export const isJobMissing = (error: unknown): boolean =>
  apiCode(error) === sequenceNotFound || apiCode(error) === JetStreamApiCodes.NoMessageFound || isLaneUnknown(error);

/** Whether a JetStream stream of that name exists with another configuration. */
export const isOtherStreamConfig = (error: unknown): boolean => apiCode(error) === streamConfigDiffers;

/** Whether a consumer of that name exists with another configuration. */
export const isOtherConsumerConfig = (error: unknown): boolean => consumerExists.has(apiCode(error) ?? 0);

/** Whether there was no responder or no response in time. */
export const isUnanswered = (error: unknown): boolean => error instanceof errors.TimeoutError || nobodyThere(error);

/** The problem that a caller sees for a failure of NATS. */
export function busProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (apiCode(error) === backlogFull) {
    return new ProblemError('worker_unavailable', { cause: error, retryAfterSeconds: 5 });
  }
  if (apiCode(error) === replicasWithoutCluster) {
    const detail = 'JETSTREAM_REPLICAS must be 1 or unset: the server of NATS_URL is alone.';
    return new ProblemError('config_invalid', { detail, cause: error });
  }
  return new ProblemError('bus_unavailable', { cause: error, retryAfterSeconds: 1 });
}
