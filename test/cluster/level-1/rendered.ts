import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Labels, NetworkPolicy, Party } from './network-policy';

/** The repository. */
export const root = join(__dirname, '../../..');
/** The charts: the system with its workers, and the workers alone. */
export const systemChart = join(root, 'knative');
export const workersChart = join(root, 'keda');
/** Namespace of everything that is rendered here. */
export const namespace = 'speech';

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port?: number };
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { name?: string; containerPort: number }[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: unknown }[];
  readonly resources?: { readonly limits?: Labels; readonly requests?: Labels };
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: unknown;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { name: string; mountPath: string; readOnly?: boolean }[];
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containerConcurrency?: number;
  readonly timeoutSeconds?: number;
  readonly responseStartTimeoutSeconds?: number;
  readonly idleTimeoutSeconds?: number;
  readonly imagePullSecrets?: readonly { name: string }[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

export interface Template {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Labels;
}

/** A pod that the charts describe: of a Knative Service, a Deployment or a StatefulSet. */
export interface Workload {
  readonly name: string;
  readonly kind: 'Service' | 'Deployment' | 'StatefulSet';
  readonly manifest: Manifest;
  readonly template: Template;
}

/** A program of the cluster tests' cache. */
function helm(args: readonly string[]): string {
  const folder = process.env.ANTIPHON_CLUSTER_BIN;
  if (!folder) throw new Error('ANTIPHON_CLUSTER_BIN names no folder. Run: npm run test:cluster -- 1');
  return execFileSync(join(folder, 'helm'), args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const rendered = new Map<string, string>();

/** What helm makes of the same arguments is the same. */
function template(args: readonly string[]): string {
  const key = JSON.stringify(args);
  const output = rendered.get(key) ?? helm(args);
  rendered.set(key, output);
  return output;
}

/** What of the charts' values is replaced: values files by name (`production`), then single values (`a.b=c`). */
export interface Choice {
  readonly files?: readonly string[];
  readonly set?: readonly string[];
  readonly chart?: string;
}

/** What values-production.yaml leaves to the operator. */
const filledIn = [
  'license.endpoint=https://license.vendor.example',
  'networkPolicy.licenseEndpoint.cidrs={203.0.113.0/28}',
];

/** The values as arguments of helm. Production is filled in; `set` counts over that. */
export function valueArguments({ files = [], set = [] }: Choice): string[] {
  const values = files.flatMap((name) => ['--values', join(systemChart, `values-${name}.yaml`)]);
  const all = [...(files.at(-1) === 'production' ? filledIn : []), ...set];
  return [...values, ...all.flatMap((assignment) => ['--set', assignment])];
}

/** Renders a chart as an installation would; throws what helm says against the values. */
export function render(choice: Choice = {}): Manifest[] {
  const { chart = systemChart } = choice;
  const output = template(['template', 'antiphon', chart, '--namespace', namespace, ...valueArguments(choice)]);
  return parseAllDocuments(output).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0] as Error;
    const manifest = document.toJS() as Manifest | null;
    return manifest ? [manifest] : [];
  });
}

/** What helm says against values; undefined where it takes them. */
export function refusal(choice: Choice): string | undefined {
  try {
    render(choice);
    return undefined;
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
}

/** Packs a chart, and answers with the names of the files inside. */
export function packaged(chart: string, folder: string): string[] {
  const output = helm(['package', chart, '--destination', folder]);
  const archive = /saved it to: (.*)$/m.exec(output)?.[1];
  if (!archive) throw new Error(output);
  return execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
}

/** A YAML file of the repository. */
export const readYaml = (...path: string[]): unknown => parse(readFileSync(join(root, ...path), 'utf8'));

export const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind);

/** The only object of a kind and name; throws where there is none. */
export function named(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  const [only] = found;
  if (!only || found.length > 1) throw new Error(`${found.length} objects ${kind} ${name}`);
  return only;
}

export const isKnative = ({ apiVersion, kind }: Manifest): boolean =>
  apiVersion === 'serving.knative.dev/v1' && kind === 'Service';

/** Every pod of the rendered objects. */
export function workloads(manifests: readonly Manifest[]): Workload[] {
  return manifests
    .filter((manifest) => isKnative(manifest) || ['Deployment', 'StatefulSet'].includes(manifest.kind))
    .map((manifest) => ({
      name: manifest.metadata.name,
      kind: manifest.kind as Workload['kind'],
      manifest,
      template: manifest.spec?.template as Template,
    }));
}

/** The pod of that name; throws where there is none. */
export function workload(manifests: readonly Manifest[], name: string): Workload {
  const found = workloads(manifests).find((each) => each.name === name);
  if (!found) throw new Error(`no pod of the name ${name}`);
  return found;
}

export function containerOf({ name, template }: Workload): Container {
  const [container] = template.spec.containers;
  if (!container) throw new Error(`${name} has no container`);
  return container;
}

/** The environment of a pod's container, where it is given as text. */
export const environmentOf = (each: Workload): Record<string, string> =>
  Object.fromEntries(
    (containerOf(each).env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );

/** A pod as a party of the network, with the labels that Knative adds to it. */
export function partyOf({ name, manifest, template }: Workload, address: string): Party {
  const added: Labels = isKnative(manifest)
    ? {
        app: `${name}-00001`,
        'serving.knative.dev/configuration': name,
        'serving.knative.dev/revision': `${name}-00001`,
        'serving.knative.dev/service': name,
      }
    : {};
  return { name, namespace, address, labels: { ...template.metadata.labels, ...added } };
}

export const policiesOf = (manifests: readonly Manifest[]): NetworkPolicy[] =>
  ofKind(manifests, 'NetworkPolicy') as unknown as NetworkPolicy[];

/** The values files with which every rule is asked; air-gapped stands on production, as its header says. */
export const deployments: readonly (readonly [string, Choice])[] = [
  ['the default values', {}],
  ['dev', { files: ['dev'] }],
  ['production', { files: ['production'] }],
  ['air-gapped', { files: ['production', 'airgapped'] }],
  [
    'connected',
    {
      files: ['production'],
      set: [
        'global.tracing.collectorUrl=http://collector.monitoring:4318',
        'license.caSecret.name=vendor-ca',
        'license.noProxy={.corp.example}',
        'license.deployment=prod-1',
        'license.audit.keySecret.name=audit-key',
        'networkPolicy.objectStore.cidrs={198.51.100.0/24}',
      ],
    },
  ],
];
