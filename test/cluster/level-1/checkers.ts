import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isKnative, systemChart, type Manifest } from './rendered';

/** One thing that the API server, Knative or KEDA has against an object of ours, or against one that they make of it. */
export interface Fault {
  readonly by: 'API server' | 'Knative' | 'KEDA';
  /** `KIND NAME`. */
  readonly object: string;
  readonly message: string;
}

interface Verdict {
  readonly name: string;
  readonly faults: readonly { readonly stage: string; readonly message: string }[];
}
interface KnativeVerdict extends Verdict {
  readonly deployment?: Manifest;
}
interface KedaVerdict extends Verdict {
  readonly autoscaler?: Manifest;
}
interface ApiServerVerdict extends Verdict {
  readonly kind: string;
}

/** Kinds of providers whose definitions are not among the modules of the tests. */
const undefinedKinds = ['cert-manager.io/v1/Certificate', 'networking.gke.io/v1/ManagedCertificate'];

/** Definitions of custom resources, in the folder of shared files. */
const definitions = [
  'keda-crds',
  'knative-serving/300-resources',
  'knative-networking',
  'prometheus-operator-crds',
] as const;

/** The folder of the programs that the tests run; throws where it is not named. */
export function binaries(): string {
  const folder = process.env.ANTIPHON_CLUSTER_BIN;
  if (!folder) throw new Error('ANTIPHON_CLUSTER_BIN names no folder. Run: npm run test:cluster -- 1');
  return folder;
}

const shared = (name: string): string => join(binaries(), 'share', name);

/** Objects as the programs read them: one JSON document, which is YAML too, for each. */
export const toYaml = (manifests: readonly unknown[]): string =>
  manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');

function run<T>(program: string, args: readonly string[], manifests: readonly Manifest[]): T[] {
  const output = execFileSync(join(binaries(), program), [...args, '-'], {
    encoding: 'utf8',
    input: toYaml(manifests),
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return JSON.parse(output) as T[];
}

/** What Knative says of the Knative Services, with its config maps patched as the repository says, or as they come. */
export function askKnative(manifests: readonly Manifest[], isPatched = true): KnativeVerdict[] {
  const settings = isPatched ? ['-settings', join(systemChart, 'cluster')] : [];
  return run('ksvc-validate', [...settings, '-defaults', shared('knative-serving/configmaps')], manifests);
}

/** What KEDA says of the ScaledObjects, of which each is there when the next comes. */
export const askKeda = (manifests: readonly Manifest[]): KedaVerdict[] =>
  run('scaledobject-validate', ['-triggers', shared('keda-schema/scalers-schema.yaml')], manifests);

/** What the API server says of any objects. */
export function askApiServer(manifests: readonly Manifest[]): ApiServerVerdict[] {
  const known = manifests.filter(isDefined);
  const folders = definitions.flatMap((name) => ['-crds', shared(name)]);
  return run('manifest-validate', folders, known);
}

/** Everything that anybody has against the objects, the Deployments that Knative makes, and the autoscalers that KEDA makes. */
export const faultsOf = (manifests: readonly Manifest[]): Fault[] => faultsOfEach([manifests])[0] ?? [];

/** The same of several groups, which do not know of each other: each is put into a namespace of its own. */
export function faultsOfEach(groups: readonly (readonly Manifest[])[]): Fault[][] {
  const apart = groups.map((group, index) => group.map((manifest) => inNamespace(`group-${index}`, manifest)));
  const knative = askEach(apart, isKnative, askKnative);
  const keda = askEach(apart, isScaledObject, askKeda);
  const complete = apart.map((group, index) => [
    ...group,
    ...(knative[index] ?? []).map(({ deployment }) => deployment).filter((made) => made !== undefined),
    ...(keda[index] ?? []).map(({ autoscaler }) => autoscaler).filter((made) => made !== undefined),
  ]);
  const apiServer = askEach(complete, isDefined, askApiServer);
  return groups.map((_, index) => [
    ...(apiServer[index] ?? []).flatMap((verdict) => faults('API server', verdict.kind, verdict)),
    ...(knative[index] ?? []).flatMap((verdict) => faults('Knative', 'Service', verdict)),
    ...(keda[index] ?? []).flatMap((verdict) => faults('KEDA', 'ScaledObject', verdict)),
  ]);
}

const isScaledObject = ({ kind }: Manifest): boolean => kind === 'ScaledObject';
const isDefined = ({ apiVersion, kind }: Manifest): boolean => !undefinedKinds.includes(`${apiVersion}/${kind}`);

const inNamespace = (namespace: string, manifest: Manifest): Manifest => ({
  ...manifest,
  metadata: { ...manifest.metadata, namespace },
});

/** Asks once about all groups that have objects of the kind, and deals the verdicts, one for each in order, to their groups. */
function askEach<V>(
  groups: readonly (readonly Manifest[])[],
  isAsked: (manifest: Manifest) => boolean,
  ask: (manifests: readonly Manifest[]) => V[],
): V[][] {
  const concerned = groups.filter((group) => group.some(isAsked));
  const verdicts = concerned.length > 0 ? ask(concerned.flat()) : [];
  return groups.map((group) => verdicts.splice(0, group.filter(isAsked).length));
}

const faults = (by: Fault['by'], kind: string, verdict: Verdict): Fault[] =>
  verdict.faults.map(({ message }) => ({ by, object: `${kind} ${verdict.name}`, message }));
