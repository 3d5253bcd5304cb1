import { laneFunction, type Lane } from '@app/protocol';

/** A worker that does not send `working` for this long loses its job. */
export const ackWaitMs = 1_500;

/** Number of jobs that may wait in a lane in addition to those that its workers can hold. */
const allowedWaiting = 1_000;

/** Most jobs in a lane, waiting and running. */
export function backlogBound(lane: Lane): number {
  const row = laneFunction(lane);
  return row.seats * row.scale.max + allowedWaiting;
}

/**
 * First sequence number of a lane that is created at this time. It is above all numbers of an earlier lane of the same
 * name if that one had less than 1,000 jobs per millisecond.
 */
export const firstSequence = (nowMs: number): number => Math.floor(nowMs) * 1_000;
