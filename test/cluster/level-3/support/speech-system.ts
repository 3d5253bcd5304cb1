import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseMetrics, sumOf } from '../../../../tools/client/prometheus';
import type { Target } from '../../../../tools/client/tts-client';
import { ensureDevelopmentLicense } from '../../../../tools/license/development-license';
import { modelsFolder } from '../../../../tools/models';
import { until } from '../../../support/until';
import { addHosts } from '../../support/namespace';
import { addresses } from './addresses';
import type { KubernetesObject } from './api-client';
import { sharedYaml } from '../../support/binaries';
import { renderCharts, root } from './charts';
import { ControlPlane } from './control-plane';
import { Daemons, type DaemonSpec } from '../../support/daemon';
import { startKeda } from './keda';
import { defineKnative } from './knative';
import { startKwok, type NodeSpec } from './kwok';
import { isBusReady, natsConfig, natsPods, natsRecipe } from './nats';
import { environmentOf, type Container, type Pod } from './pod';
import type { PodProcess, ProcessRecipe } from './pod-process';
import { PodRunner } from './pod-runner';
import { ScaleWatch } from './scale-watch';
import { provideVolumes } from './volumes';

/** The namespace of the release. */
export const namespace = 'antiphon';

/** What is laid over the production values, and how large the cluster is. */
export interface SystemSettings {
  readonly overlay: object;
  readonly nodes: readonly NodeSpec[];
}

/** There is no licence endpoint here. */
const airgapped = { license: { mode: 'airgapped', endpoint: '' }, networkPolicy: { licenseEndpoint: { cidrs: [] } } };

/** What the charts mark the pods with that are real processes here. */
const realPods = { label: 'app.kubernetes.io/component', values: ['worker', 'nats'] };

interface KnativeService extends KubernetesObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

/**
 * The charts on a real control plane with KEDA: worker pods are processes of this machine, and so are the gateway, the
 * license app and NATS, with the environment that the charts give them.
 */
export class SpeechSystem {
  private foundTarget: Target | undefined;

  private constructor(
    readonly folder: string,
    private readonly plane: ControlPlane,
    private readonly daemons: Daemons,
    readonly runner: PodRunner,
    readonly scale: ScaleWatch,
  ) {}

  /** Resolves when the gateway is ready and the charts are applied, whatever number of workers there is by then. */
  static async start(folder: string, { overlay, nodes }: SystemSettings): Promise<SpeechSystem> {
    nameServices();
    const plane = await ControlPlane.start(folder);
    const logFolder = join(folder, 'logs');
    const daemons = new Daemons(logFolder);
    const mounted = { config: '', folder };
    const runner = new PodRunner(plane.api, {
      namespace,
      labelSelector: `${realPods.label} in (${realPods.values.join(',')})`,
      logFolder,
      recipe: (pod, container, address) =>
        natsPods.includes(pod.metadata.name)
          ? natsRecipe(pod, container, address, mounted)
          : workerRecipe(container, address),
      knownAddress: (name) => addresses.nats[natsPods.indexOf(name)],
    });
    const scale = new ScaleWatch(plane.api, namespace);
    const system = new SpeechSystem(folder, plane, daemons, runner, scale);
    try {
      await startKwok(plane, nodes, realPods);
      await startKeda(plane);
      await plane.api.create('/api/v1/namespaces', { metadata: { name: namespace } });
      await defineKnative(plane);
      await plane.kubectl.applyServerSide(sharedYaml('prometheus-operator-crds'));
      await provideVolumes(plane.api, namespace, natsPods.length);
      scale.start();
      const settings = { namespace, values: ['production'], overlay: { ...overlay, ...airgapped } };
      await plane.kubectl.apply([await renderCharts(settings, folder)]);
      mounted.config = await natsConfig(plane.api, namespace);
      runner.start();
      await until(isBusReady);
      system.foundTarget = await startFrontEnd(plane, daemons, folder);
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  /** The gateway, and a key for it. */
  get target(): Target {
    if (!this.foundTarget) throw new Error('the gateway has not been started');
    return this.foundTarget;
  }

  get api() {
    return this.plane.api;
  }

  /** Pods with this name, of a Deployment or of the bus, that the API knows now. */
  async pods(deployment: string): Promise<readonly Pod[]> {
    const query = new URLSearchParams({ labelSelector: `app.kubernetes.io/name=${deployment}` });
    return this.api.list<Pod>(`/api/v1/namespaces/${namespace}/pods?${query.toString()}`);
  }

  /** Every worker of a Deployment that there ever was. */
  workers(deployment: string): PodProcess[] {
    return this.runner.pods.filter(({ name }) => name.startsWith(deployment));
  }

  /** Resolves when no replica of a Deployment is wanted and its last pod is gone. */
  async untilZero(deployment: string, timeoutMs: number): Promise<void> {
    const isZero = (replicas: number): boolean => replicas === 0;
    await this.scale.until(deployment, isZero, { sinceMs: performance.now(), timeoutMs });
    await until(async () => (await this.pods(deployment)).length === 0, { withinMs: timeoutMs });
  }

  /** How many jobs the workers of a Deployment have. */
  async busySeats(deployment: string): Promise<number> {
    const living = this.workers(deployment).filter(({ times }) => times.stopSignalAtMs === undefined);
    const pages = await Promise.all(living.map((worker) => worker.metrics()));
    return pages.reduce((sum, page) => sum + sumOf(parseMetrics(page ?? ''), 'antiphon_busy_seats'), 0);
  }

  /** Ends everything; the logs stay. */
  async stop(): Promise<void> {
    this.scale.stop();
    await this.runner.stop();
    await this.daemons.stopAll();
    await this.plane.stop();
  }
}

/** The names that the manifests use are right inside the network namespace too; a name of several has all their addresses. */
function nameServices(): void {
  const name = (service: string): string => `${service}.${namespace}.svc.cluster.local`;
  addresses.nats.forEach((address, index) =>
    addHosts({
      [name('nats')]: address,
      [name('nats-headless')]: address,
      [name(`${natsPods[index]}.nats-headless`)]: address,
    }),
  );
  addHosts({ [name('license')]: addresses.license, [name('gateway')]: addresses.gateway });
}

const mainOf = (app: string): string => join(root, 'dist/apps', app, 'src/main.js');

/** As the pod says, but for what this machine lacks or shares: a GPU, the models of the image, and most of its cores. */
const workerRecipe = (container: Container, address: string): ProcessRecipe => ({
  command: process.execPath,
  args: ['--enable-source-maps', mainOf('inference'), ...(container.args ?? [])],
  env: {
    ...environmentOf(container),
    HOST: address,
    MODELS_FOLDER: modelsFolder(root),
    EXECUTION_PROVIDER: 'cpu',
    ENGINES: '1',
    ENGINE_THREADS: '1',
  },
});

/** Starts what Knative would start, from the Services that the charts made. */
async function startFrontEnd({ api }: ControlPlane, daemons: Daemons, folder: string): Promise<Target> {
  const licenseFolder = join(folder, 'license');
  mkdirSync(licenseFolder);
  const license = await ensureDevelopmentLicense(licenseFolder);
  const environment = async (app: string): Promise<Record<string, string>> => {
    const path = `/apis/serving.knative.dev/v1/namespaces/${namespace}/services/${app}`;
    const [container] = (await api.get<KnativeService>(path)).spec.template.spec.containers;
    if (!container) throw new Error(`the Service ${app} has no container`);
    return environmentOf(container);
  };
  const licenseFiles = {
    LICENSE_FILE: license.licenseFile,
    LICENSE_PUBLIC_KEY_FILE: license.publicKeyFile,
    API_KEYS_FILE: license.keysFile,
  };
  // Behind a Knative service the port that is dialled is 80.
  const licensePort = { HOST: addresses.license, PORT: '80' };
  await daemons.start(
    app(
      'license',
      { ...(await environment('license')), ...licenseFiles, ...licensePort },
      `http://${addresses.license}/readyz`,
    ),
  );
  const gatewayEnv = {
    ...(await environment('gateway')),
    HOST: addresses.gateway,
    USAGE_FOLDER: join(folder, 'usage'),
  };
  await daemons.start(app('gateway', gatewayEnv, `http://${addresses.gateway}:8080/readyz`));
  return { api: `http://${addresses.gateway}:5000`, apiKey: license.apiKey };
}

const app = (name: string, env: Record<string, string>, readyUrl: string): DaemonSpec => ({
  name,
  command: process.execPath,
  args: ['--enable-source-maps', mainOf(name)],
  env,
  ready: async () => (await fetch(readyUrl)).ok,
  // An app ends when the bus does not answer in time.
  restarts: 10,
});
