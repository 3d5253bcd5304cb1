import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addresses, ports } from './addresses';
import { ApiClient } from './api-client';
import { binary } from '../../support/binaries';
import { Authority, createKeyPair } from '../../../support/certificates';
import { Daemons, type DaemonSpec } from '../../support/daemon';
import { answersOk } from './https-probe';
import { Kubectl } from './kubectl';

/** Administrator of this one cluster, which nothing outside its namespace can reach. */
const adminToken = 'cluster-test-admin';

const controllers = [
  'deployment-controller',
  'disruption-controller',
  'endpoints-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'horizontal-pod-autoscaler-controller',
  'namespace-controller',
  'node-lifecycle-controller',
  'persistentvolume-binder-controller',
  'replicaset-controller',
  'serviceaccount-controller',
  'statefulset-controller',
];

/** How often the autoscaler looks; 15 s in a cluster of its own. */
const autoscalerPeriod = '1s';

/** etcd, API server, controller manager and scheduler, with the means to talk to them. */
export class ControlPlane {
  private constructor(
    readonly daemons: Daemons,
    readonly api: ApiClient,
    readonly kubectl: Kubectl,
    readonly kubeconfig: string,
    readonly authority: Authority,
  ) {}

  /** Starts everything in an empty folder, below which all logs are; resolves when the API is served. */
  static async start(folder: string): Promise<ControlPlane> {
    const logFolder = join(folder, 'logs');
    mkdirSync(logFolder, { recursive: true });
    const authority = Authority.create(join(folder, 'certificates'), 'cluster-test');
    const kubeconfig = writeKubeconfig(folder, authority);
    const server = { port: ports.apiServer, token: adminToken, authority: readFileSync(authority.certFile) };
    const api = new ApiClient(server);
    const plane = new ControlPlane(new Daemons(logFolder), api, new Kubectl(kubeconfig), kubeconfig, authority);
    try {
      await plane.startDaemons(folder);
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  /** Ends every program. */
  async stop(): Promise<void> {
    this.api.close();
    await this.daemons.stopAll();
  }

  private async startDaemons(folder: string): Promise<void> {
    const keys = createKeyPair(folder, 'service-accounts');
    await this.daemons.start(etcd(folder));
    await this.daemons.start(this.apiServer(folder, keys));
    const always = ['--kubeconfig', this.kubeconfig, '--leader-elect=false', '--bind-address=127.0.0.1'];
    const isServed = (port: number) => () => answersOk(`https://127.0.0.1:${port}/healthz`, this.authority);
    const certificate = this.authority.issue('controllers', ['DNS:localhost', 'IP:127.0.0.1']);
    const tls = [`--tls-cert-file=${certificate.certFile}`, `--tls-private-key-file=${certificate.keyFile}`];
    const open = ['--authentication-skip-lookup', '--authorization-always-allow-paths=/healthz,/metrics'];
    await Promise.all([
      this.daemons.start({
        name: 'kube-controller-manager',
        command: binary('kube-controller-manager'),
        args: [
          ...always,
          ...tls,
          ...open,
          `--service-account-private-key-file=${keys.privateFile}`,
          `--controllers=${controllers.join(',')}`,
          `--horizontal-pod-autoscaler-sync-period=${autoscalerPeriod}`,
        ],
        ready: isServed(10_257),
      }),
      this.daemons.start({
        name: 'kube-scheduler',
        command: binary('kube-scheduler'),
        args: [...always, ...tls, ...open],
        ready: isServed(10_259),
      }),
    ]);
  }

  private apiServer(folder: string, keys: { privateFile: string; publicFile: string }): DaemonSpec {
    const { authority } = this;
    const own = authority.issue('api-server', ['DNS:localhost', 'IP:127.0.0.1', `IP:${addresses.apiServer}`]);
    const aggregator = authority.issue('front-proxy');
    const tokens = join(folder, 'tokens.csv');
    writeFileSync(tokens, `${adminToken},admin,admin,system:masters\n`, { mode: 0o600 });
    return {
      name: 'kube-apiserver',
      command: binary('kube-apiserver'),
      args: [
        `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
        '--bind-address=0.0.0.0',
        `--advertise-address=${addresses.apiServer}`,
        `--secure-port=${ports.apiServer}`,
        `--tls-cert-file=${own.certFile}`,
        `--tls-private-key-file=${own.keyFile}`,
        '--service-cluster-ip-range=10.96.0.0/16',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${keys.publicFile}`,
        `--service-account-signing-key-file=${keys.privateFile}`,
        `--token-auth-file=${tokens}`,
        '--authorization-mode=RBAC',
        // Services have no address that anything answers at: the endpoints behind them are dialled instead.
        '--enable-aggregator-routing=true',
        `--requestheader-client-ca-file=${authority.certFile}`,
        '--requestheader-username-headers=X-Remote-User',
        '--requestheader-group-headers=X-Remote-Group',
        '--requestheader-extra-headers-prefix=X-Remote-Extra-',
        `--proxy-client-cert-file=${aggregator.certFile}`,
        `--proxy-client-key-file=${aggregator.keyFile}`,
      ],
      ready: () => this.api.isOk('/readyz'),
    };
  }
}

function etcd(folder: string): DaemonSpec {
  const clients = `http://127.0.0.1:${ports.etcd}`;
  const peers = `http://127.0.0.1:${ports.etcdPeers}`;
  return {
    name: 'etcd',
    command: binary('etcd'),
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      // What is written here need not outlive a power cut.
      '--unsafe-no-fsync',
    ],
    ready: async () => (await fetch(`${clients}/health`)).ok,
  };
}

function writeKubeconfig(folder: string, authority: Authority): string {
  const file = join(folder, 'kubeconfig.json');
  const cluster = { server: `https://127.0.0.1:${ports.apiServer}`, 'certificate-authority': authority.certFile };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user: { token: adminToken } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  };
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  return file;
}
