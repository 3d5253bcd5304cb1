import { AckPolicy, DiscardPolicy, RetentionPolicy, StorageType, type JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { jetStreamName, laneClasses, subjects, type Lane } from '@app/protocol';
import { ackWaitMs, backlogBound, firstSequence } from '../lane-limits';
import { isOtherConsumerConfig, isOtherStreamConfig } from './bus-errors';

/** Creates or updates the lane's JetStream stream and consumers. */
export async function setUpLane(manager: JetStreamManager, lane: Lane, nowMs: number): Promise<void> {
  const name = jetStreamName(lane);
  const config = {
    subjects: laneClasses(lane).map((jobClass) => subjects.jobs(lane, jobClass)),
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.Memory,
    discard: DiscardPolicy.New,
    max_msgs: backlogBound(lane),
    allow_msg_ttl: true,
  };
  try {
    await manager.streams.add({ ...config, name, first_seq: firstSequence(nowMs) });
  } catch (error) {
    if (!isOtherStreamConfig(error)) throw error;
    await manager.streams.update(name, config);
  }
  await Promise.all(laneClasses(lane).map((jobClass) => setUpConsumer(manager, lane, jobClass)));
}

async function setUpConsumer(manager: JetStreamManager, lane: Lane, jobClass: string): Promise<void> {
  const name = jetStreamName(lane);
  const changeable = { ack_wait: nanos(ackWaitMs), max_deliver: -1, max_ack_pending: 10_000 };
  try {
    await manager.consumers.add(name, {
      ...changeable,
      durable_name: jobClass,
      filter_subject: subjects.jobs(lane, jobClass),
      ack_policy: AckPolicy.Explicit,
      mem_storage: true,
    });
  } catch (error) {
    if (!isOtherConsumerConfig(error)) throw error;
    await manager.consumers.update(name, jobClass, changeable);
  }
}
