import { errors, RequestError } from '@nats-io/transport-node';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { ProblemError } from '@app/protocol';

/** Server codes that the client library has no name for. */
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

/** The lane's JetStream stream or consumer does not exist (any more). A publish finds nobody there, wrapped as a cause. */
export const isLaneMissing = (error: unknown): boolean =>
  isLaneUnknown(error) || nobodyThere(error) || (error instanceof Error && nobodyThere(error.cause));

/** The server knows that the message is not there (any more). */
export const isJobMissing = (error: unknown): boolean =>
  apiCode(error) === sequenceNotFound || apiCode(error) === JetStreamApiCodes.NoMessageFound || isLaneUnknown(error);

/** A JetStream stream of that name exists with another configuration. */
export const isOtherStreamConfig = (error: unknown): boolean => apiCode(error) === streamConfigDiffers;

/** A consumer of that name exists with another configuration. */
export const isOtherConsumerConfig = (error: unknown): boolean => consumerExists.has(apiCode(error) ?? 0);

/** Nobody is there to answer, or nobody did in time. */
export const isUnanswered = (error: unknown): boolean => error instanceof errors.TimeoutError || nobodyThere(error);

/** Any failure of the bus as the problem a caller may see. */
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
