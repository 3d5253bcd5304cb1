import { NatsAppendLog, NatsBroker, NatsKeyValue } from '@app/broker';
import type { Lane } from '@app/protocol';
import { TestNatsCluster } from '../support/nats-cluster';

/** What is closed after a failure, too. */
interface Started {
  start(): Promise<void>;
  close(): Promise<void>;
}

const startLimitMs = 50_000;
const lane = (model: string): Lane => ({ kind: 'tts', model });

/** JetStream takes no calls while most of its servers are away, as in the moment in which they elect a leader. */
describe('a start while JetStream has no leader', () => {
  const cluster = new TestNatsCluster(3);
  const opened: Started[] = [];
  beforeAll(() => cluster.start(), 60_000);
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.close()));
    await cluster.stop();
  });

  it('waits for one, with a line in the log: lanes of a gateway and of a worker, a bucket, a log', async () => {
    const killed = cluster.names.slice(0, 2);
    for (const name of killed) await cluster.kill(name);
    const servers = cluster.urls;

    const waiting = new Set<string>();
    const settings = (name: string) => {
      const warn = (message: string): void => {
        expect(message).toBe('JetStream takes no calls yet; trying again');
        waiting.add(name);
        if (waiting.size === starts.length) for (const each of killed.splice(0)) cluster.restart(each);
      };
      return { servers, name, startLimitMs, log: { warn } };
    };
    const opening = async <T extends Started>(started: T): Promise<T> => {
      opened.push(started);
      await started.start();
      return started;
    };
    const brokerOf = (name: string) => opening(new NatsBroker({ ...settings(name), callTimeoutMs: 500 }));
    const starts: (() => Promise<unknown>)[] = [
      async () => (await brokerOf('gateway')).ensureLane(lane('first')),
      async () => (await brokerOf('worker')).openSource(lane('second'), 'first'),
      () => opening(new NatsKeyValue({ ...settings('license'), bucket: 'start' })),
      () => opening(new NatsAppendLog({ ...settings('usage'), stream: 'start', subject: 'start' })),
    ];
    await Promise.all(starts.map((start) => start()));
    expect(waiting.size).toBe(starts.length);
  });
});
