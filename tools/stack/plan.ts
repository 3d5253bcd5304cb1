import { join } from 'node:path';
import { loadManifest } from '@app/artifacts';
import type { LicenseMode } from '@app/licensing';
import { dispatchesOf } from '@app/protocol';
import { planObserver } from '../observe/prometheus-part';
import type { PrometheusProgram } from '../observe/prometheus-program';
import { planEndpoint, type LicenseEndpointAddress } from './license-endpoint';
import type { PartSpec } from './part';
import type { PortBook } from './ports';
import { planInference } from './worker-lanes';

/** Everything the stack's processes are started with. */
export interface StackPlan {
  /** In starting order; each is ready before the next is started, but for the workers, which start together. */
  readonly nats: PartSpec;
  /** The licence endpoint of connected mode; ready before the license app is started. */
  readonly licenseEndpoint?: PartSpec;
  readonly license: PartSpec;
  readonly gateway: PartSpec;
  readonly workers: readonly PartSpec[];
  /** Takes jobs by request; absent where no function is dispatched so. */
  readonly inference?: PartSpec;
  /** Absent unless asked for; needs none of the others. */
  readonly prometheus?: PartSpec;
  readonly addresses: {
    readonly api: string;
    readonly license: string;
    readonly nats: string;
    readonly natsMonitoring: string;
    readonly licenseEndpoint?: LicenseEndpointAddress;
    readonly prometheus?: string;
    /** Base URL of `inference serve`. */
    readonly inference?: string;
    readonly metrics: Readonly<Record<string, string>>;
  };
}

/** Where things are, and who may use them. */
export interface StackSettings {
  readonly root: string;
  readonly dataFolder: string;
  readonly modelsFolder: string;
  readonly natsServer: string;
  readonly port: number;
  readonly workers: number;
  /** `KIND=queue` and `KIND=request`, where functions are not to be dispatched as in the graph. */
  readonly dispatch?: readonly string[];
  /** Where the gateway sends jobs, if not straight to `inference serve`. */
  readonly inferenceUrl?: string;
  /** Added to the environment of the gateway. */
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  /** Added to the environment of every worker, `BATCHING` for example. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Given when the stack is to be observed. */
  readonly prometheus?: PrometheusProgram;
  /** Airgapped where absent. */
  readonly licenseMode?: LicenseMode;
  readonly license: {
    readonly licenseFile: string;
    readonly publicKeyFile: string;
    readonly keysFile: string;
    /** Private key with which the licence endpoint signs leases. */
    readonly issuerKeyFile: string;
  };
}

const url = (port: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}`;

/** Chooses ports and writes down every process of the stack. */
export async function planStack(settings: StackSettings, ports: PortBook): Promise<StackPlan> {
  const api = await ports.takeExactly(settings.port);
  const nats = await ports.take(4222);
  const natsMonitoring = await ports.take(8222);
  const license = await ports.take(8080);
  const gatewayMetrics = await ports.take(8081);
  const endpoint = settings.licenseMode === 'connected' ? await planEndpoint(settings, ports) : undefined;
  const natsUrl = url(nats, 'nats');
  const make = partMaker(settings);
  const dispatch = settings.dispatch ?? dispatchFromEnvironment();
  const inference = await planInferenceParts({ ...settings, dispatch }, ports, natsUrl);
  const metrics: Record<string, string> = {
    gateway: `${url(gatewayMetrics)}/metrics`,
    license: `${url(license)}/metrics`,
    ...inference.metrics,
  };
  const { prometheus: program, root, dataFolder } = settings;
  const observer = program && (await planObserver({ program, root, dataFolder, pages: metrics }, ports));
  const inferenceUrl = settings.inferenceUrl ?? inference.url;
  return {
    nats: make.nats(nats, natsMonitoring),
    ...(endpoint && { licenseEndpoint: endpoint.part }),
    license: make.app('license', license, {
      PORT: String(license),
      NATS_URL: natsUrl,
      LICENSE_FILE: settings.license.licenseFile,
      LICENSE_PUBLIC_KEY_FILE: settings.license.publicKeyFile,
      API_KEYS_FILE: settings.license.keysFile,
      ...(endpoint
        ? { LICENSE_MODE: 'connected', LICENSE_ENDPOINT: endpoint.address.url }
        : { LICENSE_MODE: 'airgapped' }),
    }),
    gateway: make.app('gateway', gatewayMetrics, {
      PORT: String(api),
      METRICS_PORT: String(gatewayMetrics),
      NATS_URL: natsUrl,
      LICENSE_PROXY_URL: url(license),
      USAGE_FOLDER: join(dataFolder, 'usage'),
      DISPATCH: dispatch.join(','),
      ...(inferenceUrl === undefined ? {} : { INFERENCE_URL: inferenceUrl }),
      ...settings.gatewayEnv,
    }),
    workers: inference.workers,
    inference: inference.serve,
    prometheus: observer?.part,
    addresses: {
      api: url(api),
      license: url(license),
      nats: natsUrl,
      natsMonitoring: url(natsMonitoring),
      ...(endpoint && { licenseEndpoint: endpoint.address }),
      prometheus: observer?.url,
      inference: inference.url,
      metrics,
    },
  };
}

/** As the gateway would read it. */
const dispatchFromEnvironment = (): string[] => (process.env['DISPATCH'] ?? '').split(',').filter(Boolean);

/** The processes of the inference app: workers, and the one that takes jobs by request where a function wants it. */
async function planInferenceParts(settings: StackSettings, ports: PortBook, natsUrl: string) {
  const { workers, served } = planInference(loadManifest(), dispatchesOf(settings.dispatch), settings.workers);
  const make = partMaker(settings);
  const metrics: Record<string, string> = {};
  const part = async (name: string, lanes: string, mode: string, env: Record<string, string>): Promise<PartSpec> => {
    const metricsPort = await ports.take(8082);
    metrics[name] = `${url(metricsPort)}/metrics`;
    const made = make.app('inference', metricsPort, {
      NATS_URL: natsUrl,
      LANES: lanes,
      MODELS_FOLDER: settings.modelsFolder,
      METRICS_PORT: String(metricsPort),
      ...settings.workerEnv,
      ...env,
    });
    return { ...made, name, args: [...made.args, mode], logFile: join(settings.dataFolder, 'logs', `${name}.log`) };
  };
  const pulling: PartSpec[] = [];
  for (const { name, lanes } of workers) pulling.push(await part(name, lanes, 'worker', {}));
  if (served === undefined) return { workers: pulling, metrics };
  const port = await ports.take(8000);
  const serve = await part('inference', served, 'serve', { PORT: String(port) });
  return { workers: pulling, serve, url: url(port), metrics };
}

function partMaker({ root, dataFolder, natsServer }: StackSettings) {
  const logFile = (name: string): string => join(dataFolder, 'logs', `${name}.log`);
  return {
    nats: (port: number, monitoring: number): PartSpec => ({
      name: 'nats',
      command: natsServer,
      args: ['-a', '127.0.0.1', '-p', String(port), '-m', String(monitoring), '-js', '-sd', join(dataFolder, 'nats')],
      env: {},
      logFile: logFile('nats'),
      readyUrl: `${url(monitoring)}/healthz`,
    }),
    /** Apps bind to loopback here: this stack is for one machine. */
    app: (app: string, healthPort: number, env: Record<string, string>): PartSpec => ({
      name: app,
      app,
      command: process.execPath,
      args: ['--enable-source-maps', join(root, 'dist/apps', app, 'src/main.js')],
      env: { HOST: '127.0.0.1', ...env },
      logFile: logFile(app),
      readyUrl: `${url(healthPort)}/readyz`,
    }),
  };
}
