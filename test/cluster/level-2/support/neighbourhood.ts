import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentLicense, type DevelopmentLicense } from '../../../../tools/license/development-license';
import { modelsFolder } from '../../../../tools/models';
import type { Target } from '../../../../tools/client/tts-client';
import { Front } from '../../../support/front';
import { findNatsServer } from '../../../support/nats-server';
import { addHosts } from '../../support/namespace';
import { Daemons, type Daemon } from '../../support/daemon';
import { KnativePod } from './knative-pod';
import type { PodNetwork } from './pod-network';
import { renderedPod, type ChartSettings } from './rendered-service';

const root = join(__dirname, '../../../..');
const knativePort = 80;
const natsPort = 4222;
const natsMonitoringPort = 8222;

/** What a pod is rendered and started with. */
export interface PodOptions extends Omit<ChartSettings, 'namespace'> {
  /** In place of what the charts set. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * What the pods of one Kubernetes namespace find around them, under the names that the charts give it: NATS, the license
 * app, workers, and the Service of the inference pods. All are real processes.
 */
export class Neighbourhood {
  readonly folder = mkdtempSync(join(tmpdir(), 'antiphon-level-2-'));
  /** What Knative has before the inference pods: requests wait while none of them is there. */
  readonly inference = new Front();
  private readonly daemons: Daemons;
  private readonly pods: KnativePod[] = [];
  private podsNamed = 0;
  private license!: DevelopmentLicense;
  private nats: Daemon | undefined;
  private readonly natsAddress: string;

  constructor(
    private readonly network: PodNetwork,
    readonly namespace: string,
  ) {
    const logFolder = join(this.folder, 'logs');
    mkdirSync(logFolder);
    this.daemons = new Daemons(logFolder);
    this.natsAddress = network.serviceAddress();
  }

  /** Starts what every pod needs. */
  async open(): Promise<void> {
    const licenseAddress = this.network.serviceAddress();
    const inferenceAddress = this.network.serviceAddress();
    addHosts({
      [this.nameOf('nats')]: this.natsAddress,
      [this.nameOf('license')]: licenseAddress,
      [this.nameOf('inference')]: inferenceAddress,
    });
    await this.inference.start(inferenceAddress, knativePort);
    this.license = await ensureDevelopmentLicense(join(this.folder, 'license'));
    await this.startNats();
    await this.startApp('license', `http://${licenseAddress}:${knativePort}/readyz`, {
      HOST: licenseAddress,
      PORT: String(knativePort),
      NATS_URL: this.natsUrl,
      LICENSE_FILE: this.license.licenseFile,
      LICENSE_PUBLIC_KEY_FILE: this.license.publicKeyFile,
      API_KEYS_FILE: this.license.keysFile,
    });
  }

  /** A worker of these lanes beside the pods, as KEDA starts one. */
  startWorker(lanes: readonly string[]): Promise<Daemon> {
    const address = this.network.serviceAddress();
    return this.startApp('inference', `http://${address}:8080/readyz`, {
      HOST: address,
      NATS_URL: this.natsUrl,
      LANES: lanes.join(','),
      MODELS_FOLDER: modelsFolder(root),
    });
  }

  /** Ends NATS at once. */
  async stopNats(): Promise<void> {
    await this.nats?.stop();
  }

  /** Starts NATS, again after `stopNats`. */
  async startNats(): Promise<void> {
    const monitoring = `http://${this.natsAddress}:${natsMonitoringPort}/healthz`;
    const store = ['-js', '-sd', join(this.folder, 'nats')];
    const listen = ['-a', this.natsAddress, '-p', String(natsPort), '-m', String(natsMonitoringPort)];
    this.nats = await this.daemons.start({
      name: 'nats',
      command: findNatsServer(),
      args: [...listen, ...store],
      ready: () => answers(monitoring),
    });
  }

  /** A pod of one of our Knative Services, started and not awaited. */
  async startPod(app: 'gateway' | 'inference', options: PodOptions = {}): Promise<KnativePod> {
    const rendered = renderedPod(app, { ...options, namespace: this.namespace });
    const pod = new KnativePod(rendered, {
      name: `${this.namespace}-${app}-${++this.podsNamed}`,
      app,
      network: await this.network.pod(),
      logFolder: this.daemons.logFolder,
      env: {
        ...(app === 'inference' ? { MODELS_FOLDER: modelsFolder(root) } : { USAGE_FOLDER: join(this.folder, 'usage') }),
        ...options.env,
      },
    });
    this.pods.push(pod);
    pod.start();
    return pod;
  }

  /** A pod that is ready. */
  async readyPod(app: 'gateway' | 'inference', options?: PodOptions): Promise<KnativePod> {
    const pod = await this.startPod(app, options);
    await pod.untilReady();
    return pod;
  }

  /** The API of a gateway pod, with a key. */
  target(pod: KnativePod): Target {
    return { api: pod.url, apiKey: this.license.apiKey };
  }

  async close(): Promise<void> {
    for (const pod of this.pods) pod.kill();
    await this.inference.stop();
    await this.daemons.stopAll();
    if (process.env.ANTIPHON_KEEP_LOGS !== 'yes') rmSync(this.folder, { recursive: true, force: true });
  }

  private get natsUrl(): string {
    return `nats://${this.nameOf('nats')}:${natsPort}`;
  }

  private nameOf(service: string): string {
    return `${service}.${this.namespace}.svc.cluster.local`;
  }

  private startApp(app: string, readyUrl: string, env: Record<string, string>): Promise<Daemon> {
    const main = join(root, 'dist/apps', app, 'src/main.js');
    return this.daemons.start({
      name: app,
      command: process.execPath,
      args: ['--enable-source-maps', main],
      env,
      ready: () => answers(readyUrl),
    });
  }
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
  await response.body?.cancel();
  return response.ok;
}
