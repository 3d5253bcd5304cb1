import {
  AckPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { jetStreamName, laneClasses, subjects, type Lane } from '@app/protocol';
import { ackWaitMs, backlogBound } from '../lane-limits';

/** The JetStream objects of a lane, in the format of the JetStream API. */
export interface LaneDefinition {
  readonly stream: Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] };
  /** One consumer for each job class, with the same name. */
  readonly consumers: readonly (Partial<ConsumerConfig> & { readonly durable_name: string })[];
}

/**
 * The lane's JetStream stream and consumers, without the first sequence number, which is set when the lane is created.
 */
export function laneDefinition(lane: Lane): LaneDefinition {
  return {
    stream: {
      name: jetStreamName(lane),
      subjects: laneClasses(lane).map((jobClass) => subjects.jobs(lane, jobClass)),
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.Memory,
      discard: DiscardPolicy.New,
      max_msgs: backlogBound(lane),
      allow_msg_ttl: true,
    },
    consumers: laneClasses(lane).map((jobClass) => ({
      durable_name: jobClass,
      filter_subject: subjects.jobs(lane, jobClass),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_deliver: -1,
      max_ack_pending: 10_000,
      mem_storage: true,
    })),
  };
}
