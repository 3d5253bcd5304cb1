import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { ProblemError } from '@app/protocol';
import { busProblem } from '../nats/bus-errors';

/**
 * Server codes that the client library has no name for. JetStream has no room: for this server, in its storage, in this
 * stream. A store that cannot write answers with the last of them, too.
 */
const noRoom = new Set([10_023, 10_047, 10_077]);
const sameIdInProcess = 10_158;
const overtaken = new Set<number>([
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
  sameIdInProcess,
]);

const apiCode = (error: unknown): number => (error instanceof JetStreamApiError ? error.code : 0);

/** The record was not added, since another one is newer than the writer knew or is being stored. */
export const isOvertaken = (error: unknown): boolean => overtaken.has(apiCode(error));

/** A failure of a log as the problem that a caller may see. */
export function logProblem(error: unknown): ProblemError {
  if (!noRoom.has(apiCode(error))) return busProblem(error);
  const detail = 'The JetStream stream takes no more records. Free space on its disk, or raise its size limit.';
  return new ProblemError('disk_full', { detail, cause: error, retryAfterSeconds: 60 });
}
