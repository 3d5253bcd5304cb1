import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { JobClient, LaneRunner, NatsBroker, Presence } from '@app/broker';
import { jetStreamName } from '@app/protocol';
import { ttsLane, ttsRequest } from '../../../libs/broker/src/testing/jobs';
import { RecordingListener } from '../../../libs/broker/src/testing/recording-listener';
import { ScriptedHandler } from '../../../libs/broker/src/testing/scripted-handlers';
import { ChartNats } from './chart-nats';
import { named, namespace, ofKind, render, type Manifest } from './rendered';
import { until } from '../../support/until';
import { readOnce, type Reading } from './wanted-workers';

jest.setTimeout(120_000);

const manifests = render({ files: ['production'] });
/** No job is given up while KEDA is asked. */
const newRequestBudgetMs = 600_000;
const pods = ['nats-0', 'nats-1', 'nats-2'];
const headless = `nats-headless.${namespace}.svc.cluster.local`;
const clients = `nats.${namespace}.svc.cluster.local`;
/** Loopback has them all; the ports can then be those of the chart. */
const hostOf = (pod: string): string => `127.0.83.${pods.indexOf(pod) + 1}`;

const folder = mkdtempSync(join(tmpdir(), 'antiphon-hosts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a command line is put behind to see these names; both Services answer with one pod. */
function withNames(first: string): string[] {
  const lines = [...pods.map((pod) => `${hostOf(pod)} ${pod}.${headless}`), `${hostOf(first)} ${headless} ${clients}`];
  const file = join(folder, `hosts-${first}`);
  writeFileSync(file, `127.0.0.1 localhost\n${lines.join('\n')}\n`, { mode: 0o644 });
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const bindAndRun = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return ['unshare', ...asRoot, '--mount', '--propagation', 'private', 'sh', '-c', bindAndRun, file];
}

/** Why programs cannot be given names of their own here; undefined where they can. */
function whyNoNames(): string | undefined {
  const [command = '', ...args] = [...withNames('nats-0'), 'true'];
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? undefined : stderr.trim();
}

const reason = whyNoNames();
const title = 'Of three NATS servers under the configuration of the chart, by the endpoint of our triggers';

(reason === undefined ? describe : describe.skip)(
  reason === undefined ? title : `${title} (skipped: ${reason})`,
  () => {
    const scaledObject = 'worker-tts-piper';
    let servers: ChartNats;
    let broker: NatsBroker;
    let client: JobClient;
    let presence: Presence;
    let runner: LaneRunner;
    let connection: NatsConnection;
    let manager: JetStreamManager;

    const look = (first: string, what: readonly Manifest[] = manifests): Promise<Reading> =>
      readOnce(what, { scaledObject, within: withNames(first) });
    beforeAll(async () => {
      const addresses = pods.map((pod) => {
        return { pod, host: hostOf(pod), clientPort: 4222, monitorPort: 8222, clusterPort: 6222 };
      });
      servers = new ChartNats(manifests, addresses, withNames('nats-0'));
      await servers.start();
      broker = new NatsBroker({ servers: servers.urls, name: 'gateway', replicas: 3, callTimeoutMs: 5_000 });
      await broker.start();
      // The servers are ready before they have chosen who keeps account of the streams.
      await until(() =>
        broker.ensureLane(ttsLane).then(
          () => true,
          () => false,
        ),
      );
      client = new JobClient(broker, { gatewayId: 'gateway', lanes: broker, newRequestBudgetMs });
      await client.start();
      presence = new Presence(broker, { gatewayId: 'gateway', activeByKey: () => ({}) });
      presence.start();
      connection = await connect({ servers: servers.urls });
      manager = await jetstreamManager(connection);
      const handler = new ScriptedHandler();
      const lanes = [{ lane: ttsLane, seats: 3 }];
      runner = new LaneRunner({ broker, workerId: 'worker-1', pulls: true, lanes, handlers: { tts: handler.handle } });
      for (let job = 0; job < 9; job += 1) {
        await client.submit(ttsRequest(job < 6 ? 'first' : 'rest'), new RecordingListener());
      }
      await runner.start();
      await until(() => handler.runs.length === 3);
    });
    afterAll(async () => {
      await runner?.stop(0);
      presence?.stop();
      await client?.close();
      await broker?.close();
      await connection?.close();
      await servers?.stop();
    });

    it.each(pods)('KEDA counts what waits and what runs, whichever of them it asks first: %s', async (pod) => {
      const reading = await look(pod);
      expect(reading.triggers).toMatchObject([
        { name: 'first', value: 6 },
        { name: 'rest', value: 3 },
      ]);
      expect(reading).toMatchObject({ active: true, wanted: 2 });
    });

    it('KEDA would not find who leads by the Service of the clients: it has no names of single servers', async () => {
      const astray = structuredClone(named(manifests, 'ScaledObject', scaledObject)) as unknown as {
        spec: { triggers: { metadata: Record<string, string> }[] };
      };
      for (const { metadata } of astray.spec.triggers) metadata.natsServerMonitoringEndpoint = `${clients}:8222`;
      const reading = await look('nats-0', [...ofKind(manifests, 'Deployment'), astray as unknown as Manifest]);
      expect(reading.wanted).toBeNull();
    });

    it('KEDA knows or does not know while the server that led is away, but never a wrong number; once it is back, it knows', async () => {
      const { cluster } = await manager.consumers.info(jetStreamName(ttsLane), 'first');
      const leader = cluster?.leader ?? '';
      const [left = ''] = pods.filter((pod) => pod !== leader);
      await servers.kill(leader);
      const away: (number | null)[] = [];
      // Longer than an election; KEDA asks the servers in order, and one that does not answer ends its search.
      while (away.length < 20) away.push((await look(left)).wanted);
      expect(away.filter((wanted) => wanted !== null && wanted !== 2)).toEqual([]);
      await servers.restart(leader);
      await until(async () => (await look(left)).wanted !== null);
      expect(await look(left)).toMatchObject({ active: true, wanted: 2, triggers: [{ value: 6 }, { value: 3 }] });
    });
  },
);
