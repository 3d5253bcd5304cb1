import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { JobClient, NatsBroker } from '@app/broker';
import { jetStreamName } from '@app/protocol';
import { ttsLane, ttsRequest } from '../../libs/broker/src/testing/jobs';
import { RecordingListener } from '../../libs/broker/src/testing/recording-listener';
import { TestNatsCluster } from '../support/nats-cluster';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

const brokers: NatsBroker[] = [];
/** Also after a failure: an open connection would keep the process. */
afterEach(() => Promise.all(brokers.splice(0).map((broker) => broker.close())));

const brokerOf = async (url: string | undefined, replicas?: number, callTimeoutMs = 10_000): Promise<NatsBroker> => {
  const broker = new NatsBroker({ servers: [url ?? ''], name: 'copies', replicas, callTimeoutMs });
  brokers.push(broker);
  await broker.start();
  return broker;
};

/** Copies of the lane's stream, and of each of its consumers. */
async function copiesOf(url: string | undefined): Promise<(number | undefined)[]> {
  const connection = await connect({ servers: url ?? '' });
  const manager = await jetstreamManager(connection, { timeout: 10_000 });
  const { config } = await manager.streams.info(jetStreamName(ttsLane));
  const consumers = await manager.consumers.list(jetStreamName(ttsLane)).next();
  await connection.close();
  const members = consumers.map(({ cluster }) => 1 + (cluster?.replicas?.length ?? 0));
  return [config.num_replicas, ...members];
}

describe('copies of a lane', () => {
  const cluster = new TestNatsCluster(3);
  beforeAll(() => cluster.start(), 60_000);
  afterAll(() => cluster.stop());

  it('are as many as asked for, of a lane that is there too, and stay when nothing is said', async () => {
    const url = cluster.urls[0];
    const one = await brokerOf(url);
    await one.ensureLane(ttsLane);
    expect((await copiesOf(url))[0]).toBe(1);
    const three = await brokerOf(url, 3);
    await three.ensureLane(ttsLane);
    await cluster.copied(jetStreamName(ttsLane));
    expect((await copiesOf(url))[0]).toBe(3);
    await one.ensureLane(ttsLane);
    // Consumers get theirs after the stream has.
    await until(async () => (await copiesOf(url)).every((count) => count === 3));
    const place = await one.publishJob(ttsLane, 'first', Buffer.from('job'), 60_000);

    // A client of a server that stays keeps its connection while the others elect a leader.
    const leader = await cluster.leaderOf(jetStreamName(ttsLane));
    const beside = await brokerOf(cluster.urlBeside(leader), undefined, 2_000);
    const client = new JobClient(beside, { gatewayId: 'gateway', newRequestBudgetMs: 30_000 });
    await client.start();
    await cluster.kill(leader);
    const handles = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() => client.submit(ttsRequest(), new RecordingListener())),
    );
    expect(handles).toHaveLength(6);
    await client.close();
    await cluster.leaderOf(jetStreamName(ttsLane));
    const after = await brokerOf(cluster.urls[0], 3);
    expect(await after.hasJob(ttsLane, place)).toBe(true);
  }, 60_000);
});

it('are refused by a server that is alone, and it says by which variable', async () => {
  const server = new TestNatsServer();
  await server.start();
  const three = await brokerOf(server.url, 3);
  await expect(three.ensureLane(ttsLane)).rejects.toMatchObject({
    code: 'config_invalid',
    detail: expect.stringContaining('JETSTREAM_REPLICAS') as string,
  });
  await server.stop();
});
