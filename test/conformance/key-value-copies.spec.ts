import { NatsKeyValue } from '@app/broker';
import { TestNatsServer } from '../support/nats-server';
import { TestNatsCluster } from '../support/nats-cluster';

const store = (url: string | undefined, replicas?: number): NatsKeyValue =>
  new NatsKeyValue({ servers: [url ?? ''], name: 'copies', bucket: 'copies', replicas });

describe('copies of a bucket', () => {
  const cluster = new TestNatsCluster(3);
  beforeAll(() => cluster.start(), 60_000);
  afterAll(() => cluster.stop());

  it('outlive the server that had the only one, once there are three', async () => {
    const one = store(cluster.urls[0]);
    await one.start();
    await one.put('key', 'value');
    await one.close();
    const three = store(cluster.urls[0], 3);
    await three.start();
    await three.close();
    await cluster.copied('KV_copies');

    await cluster.kill(await cluster.leaderOf('KV_copies'));
    await cluster.leaderOf('KV_copies');
    const after = store(cluster.urls[0], 3);
    await after.start();
    expect(await after.get('key')).toBe('value');
    await after.close();
  }, 60_000);
});

it('are refused by a server that is alone, and it says by which variable', async () => {
  const server = new TestNatsServer();
  await server.start();
  const three = store(server.url, 3);
  await expect(three.start()).rejects.toMatchObject({
    code: 'config_invalid',
    detail: expect.stringContaining('JETSTREAM_REPLICAS') as string,
  });
  await three.close();
  await server.stop();
});
