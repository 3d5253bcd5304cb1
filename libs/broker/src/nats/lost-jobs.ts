import type { JetStreamManager } from '@nats-io/jetstream';
import { jetStreamName, laneClasses, type Lane } from '@app/protocol';
import type { OfferedMessage } from '../job-lanes';
import { isJobMissing } from './bus-errors';

/** Whether the message is in the lane, waiting or held. */
export async function hasMessage(manager: JetStreamManager, lane: Lane, sequence: number): Promise<boolean> {
  const found = await manager.streams.getMessage(jetStreamName(lane), { seq: sequence }).catch(orNone);
  return found !== undefined && found !== null;
}

/**
 * Returns the messages that are not in the lane any more. If a sequence number is outside the range of the stream, the
 * server lost its memory and the message is gone. A message that was never delivered exists, since only a worker could
 * have ended it. The few others are looked up one by one.
 */
export async function lostJobs(
  manager: JetStreamManager,
  lane: Lane,
  jobs: readonly OfferedMessage[],
): Promise<number[]> {
  const stream = jetStreamName(lane);
  const [info, ...consumers] = await Promise.all([
    manager.streams.info(stream).catch(orNone),
    ...laneClasses(lane).map((jobClass) => manager.consumers.info(stream, jobClass).catch(orNone)),
  ]);
  if (!info) return jobs.map(({ sequence }) => sequence);
  const delivered = new Map(consumers.map((consumer) => [consumer?.name, consumer?.delivered.stream_seq]));
  const { first_seq, last_seq } = info.state;
  const isLost = async ({ jobClass, sequence }: OfferedMessage): Promise<boolean> => {
    if (sequence < first_seq || sequence > last_seq) return true;
    if (sequence > (delivered.get(jobClass) ?? Infinity)) return false;
    return !(await hasMessage(manager, lane, sequence));
  };
  const lost = await Promise.all(jobs.map(isLost));
  return jobs.flatMap(({ sequence }, index) => (lost[index] ? sequence : []));
}

/** Turns the error for a missing object into undefined. */
function orNone(error: unknown): undefined {
  if (!isJobMissing(error)) throw error;
}
