import type { ConsumerConfig, JetStreamManager } from '@nats-io/jetstream';
import type { Lane } from '@app/protocol';
import { firstSequence } from '../lane-limits';
import { isOtherConsumerConfig, isOtherStreamConfig } from './bus-errors';
import { laneDefinition } from './lane-definition';

/** Creates or updates the lane's JetStream stream and consumers. Consumers get the replicas of the stream. */
export async function setUpLane(
  manager: JetStreamManager,
  lane: Lane,
  { replicas, nowMs }: { readonly replicas: number | undefined; readonly nowMs: number },
): Promise<void> {
  const { stream: definition, consumers } = laneDefinition(lane);
  const stream = { ...definition, ...(replicas === undefined ? {} : { num_replicas: replicas }) };
  try {
    await manager.streams.add({ ...stream, first_seq: firstSequence(nowMs) });
  } catch (error) {
    if (!isOtherStreamConfig(error)) throw error;
    await manager.streams.update(stream.name, stream);
  }
  await Promise.all(consumers.map((consumer) => setUpConsumer(manager, stream.name, consumer)));
}

async function setUpConsumer(
  manager: JetStreamManager,
  stream: string,
  consumer: Partial<ConsumerConfig> & { readonly durable_name: string },
): Promise<void> {
  try {
    await manager.consumers.add(stream, consumer);
  } catch (error) {
    if (!isOtherConsumerConfig(error)) throw error;
    const { ack_wait, max_deliver, max_ack_pending } = consumer;
    await manager.consumers.update(stream, consumer.durable_name, { ack_wait, max_deliver, max_ack_pending });
  }
}
