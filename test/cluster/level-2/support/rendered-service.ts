import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { binary } from '../../support/binaries';

const root = join(__dirname, '../../../..');
const chart = join(root, 'knative');

/** How a kubelet asks a container over HTTP. */
export interface HttpProbe {
  readonly httpGet: {
    readonly path?: string;
    readonly port: number;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly timeoutSeconds?: number;
}

/** A container of a pod, as far as it is run here. */
export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
  readonly lifecycle?: { readonly preStop?: HttpProbe };
  readonly startupProbe?: HttpProbe;
  readonly readinessProbe?: HttpProbe;
  readonly livenessProbe?: HttpProbe;
}

/** The pod of the Deployment that Knative makes of one of our Services. */
export interface RenderedPod {
  readonly app: Container;
  readonly queueProxy: Container;
  readonly graceSeconds: number;
}

/** A Knative Service, as far as tests change it. */
interface KnativeService {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: Record<string, unknown> } };
}

/** What a chart is rendered with. */
export interface ChartSettings {
  readonly namespace: string;
  /** `--set` of helm, one each. */
  readonly values?: readonly string[];
  /** Changes the rendered Service, for a test that shows what another one would do. */
  readonly change?: (podSpec: Record<string, unknown>) => void;
}

/** What Knative's own code says of a Service. */
interface Verdict {
  readonly deployment?: { readonly spec: { readonly template: { readonly spec: PodSpec } } };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly Container[];
}

/** Renders our chart, gives one of its Services to Knative's own code, and answers with the pod that it makes. */
export function renderedPod(service: string, settings: ChartSettings): RenderedPod {
  const found = servicesOf(settings).find(({ metadata }) => metadata.name === service);
  if (!found) throw new Error(`the chart has no Knative Service "${service}"`);
  settings.change?.(found.spec.template.spec);
  const { terminationGracePeriodSeconds, containers } = deploymentOf(found);
  const named = (name: string): Container => {
    const container = containers.find((one) => one.name === name);
    if (!container) throw new Error(`the Deployment has no container "${name}"`);
    return container;
  };
  const queueProxy = named('queue-proxy');
  const app = containers.find((container) => container !== queueProxy);
  if (!app) throw new Error('the Deployment has no container of ours');
  return { app, queueProxy, graceSeconds: terminationGracePeriodSeconds };
}

function servicesOf({ namespace, values = [] }: ChartSettings): KnativeService[] {
  const set = values.flatMap((value) => ['--set', value]);
  const yaml = run(binary('helm'), ['template', 'antiphon', chart, '--namespace', namespace, ...set]);
  return documents<KnativeService>(yaml).filter(
    ({ apiVersion, kind }) => apiVersion === 'serving.knative.dev/v1' && kind === 'Service',
  );
}

function deploymentOf(service: KnativeService): PodSpec {
  const args = ['-settings', join(chart, 'cluster'), '-'];
  const [verdict] = JSON.parse(run(binary('ksvc-validate'), args, stringify(service))) as Verdict[];
  if (!verdict?.deployment) throw new Error(`Knative makes no Deployment: ${JSON.stringify(verdict)}`);
  return verdict.deployment.spec.template.spec;
}

const documents = <T>(yaml: string): T[] => parseAllDocuments(yaml).map((document) => document.toJS() as T);

const run = (command: string, args: readonly string[], input = ''): string =>
  execFileSync(command, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
