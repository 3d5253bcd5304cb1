import { laneFunction, type Lane } from '@app/protocol';

/** A worker that does not say `working` for this long has lost its job. */
export const ackWaitMs = 1_500;

/** Jobs that may wait in a lane beyond those that its workers can hold. */
const allowedWaiting = 1_000;

/** The backstop of a lane: it counts running jobs too. */
export function backlogBound(lane: Lane): number {
  const row = laneFunction(lane);
  return row.seats * row.scale.max + allowedWaiting;
}

/** First sequence of a lane made at this time: above all that an earlier incarnation gave out at less than 1,000 jobs per ms. */
export const firstSequence = (nowMs: number): number => Math.floor(nowMs) * 1_000;
