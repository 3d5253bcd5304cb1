import { join } from 'node:path';
import { planObserver } from '../observe/prometheus-part';
import type { PrometheusProgram } from '../observe/prometheus-program';
import type { PartSpec } from './part';
import type { PortBook } from './ports';

/** Everything the stack's processes are started with. */
export interface StackPlan {
  /** In starting order; each is ready before the next is started, but for the workers, which start together. */
  readonly nats: PartSpec;
  readonly license: PartSpec;
  readonly gateway: PartSpec;
  readonly workers: readonly PartSpec[];
  /** Absent unless asked for; needs none of the others. */
  readonly prometheus?: PartSpec;
  readonly addresses: {
    readonly api: string;
    readonly license: string;
    readonly nats: string;
    readonly natsMonitoring: string;
    readonly prometheus?: string;
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
  /** Added to the environment of every worker, `BATCHING` for example. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Given when the stack is to be observed. */
  readonly prometheus?: PrometheusProgram;
  readonly license: { readonly licenseFile: string; readonly publicKeyFile: string; readonly keysFile: string };
}

/** Which lanes the workers of a kind serve: one worker per kind and number, `tts-1` for example. */
const workerLanes = { tts: 'tts.piper', stt: 'stt.whisper-tiny-en' } as const;

const url = (port: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}`;

/** Chooses ports and writes down every process of the stack. */
export async function planStack(settings: StackSettings, ports: PortBook): Promise<StackPlan> {
  const api = await ports.takeExactly(settings.port);
  const nats = await ports.take(4222);
  const natsMonitoring = await ports.take(8222);
  const license = await ports.take(8080);
  const gatewayMetrics = await ports.take(8081);
  const names = Object.keys(workerLanes).flatMap((kind) =>
    Array.from({ length: settings.workers }, (_, index) => ({
      kind: kind as keyof typeof workerLanes,
      index: index + 1,
    })),
  );
  const workerPorts = await takeEach(names.length, 8082, ports);
  const natsUrl = url(nats, 'nats');
  const make = partMaker(settings);
  const workers = names.map(({ kind, index }, place) =>
    make.app(`${kind}-${index}`, 'inference', workerPorts[place] ?? 0, {
      NATS_URL: natsUrl,
      LANES: workerLanes[kind],
      MODELS_FOLDER: settings.modelsFolder,
      METRICS_PORT: String(workerPorts[place]),
      ...settings.workerEnv,
    }),
  );
  const metrics = Object.fromEntries([
    ['gateway', `${url(gatewayMetrics)}/metrics`],
    ['license', `${url(license)}/metrics`],
    ...workers.map(({ name }, place) => [name, `${url(workerPorts[place] ?? 0)}/metrics`]),
  ]) as Record<string, string>;
  const { prometheus: program, root, dataFolder } = settings;
  const observer = program && (await planObserver({ program, root, dataFolder, pages: metrics }, ports));
  return {
    nats: make.nats(nats, natsMonitoring),
    license: make.app('license', 'license', license, {
      PORT: String(license),
      NATS_URL: natsUrl,
      LICENSE_FILE: settings.license.licenseFile,
      LICENSE_PUBLIC_KEY_FILE: settings.license.publicKeyFile,
      API_KEYS_FILE: settings.license.keysFile,
    }),
    gateway: make.app('gateway', 'gateway', gatewayMetrics, {
      PORT: String(api),
      METRICS_PORT: String(gatewayMetrics),
      NATS_URL: natsUrl,
      LICENSE_PROXY_URL: url(license),
    }),
    workers,
    prometheus: observer?.part,
    addresses: {
      api: url(api),
      license: url(license),
      nats: natsUrl,
      natsMonitoring: url(natsMonitoring),
      prometheus: observer?.url,
      metrics,
    },
  };
}

async function takeEach(count: number, from: number, ports: PortBook): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < count) taken.push(await ports.take(from));
  return taken;
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
    app: (name: string, app: string, healthPort: number, env: Record<string, string>): PartSpec => ({
      name,
      app,
      command: process.execPath,
      args: ['--enable-source-maps', join(root, 'dist/apps', app, 'apps', app, 'src/main.js')],
      env: { HOST: '127.0.0.1', ...env },
      logFile: logFile(name),
      readyUrl: `${url(healthPort)}/readyz`,
    }),
  };
}
