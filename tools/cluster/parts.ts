/** A level of the cluster tests: 1 manifests and scaler, 2 the real queue-proxy, 3 a whole control plane. */
export type Level = 1 | 2 | 3;

/** All levels. */
export const levels: readonly Level[] = [1, 2, 3];

/** A program that the tests run, built from a package of a Go module. */
export interface Binary {
  readonly name: string;
  /** What `go build` takes: a package of the module itself (`./cmd/x`), or of one that it requires. */
  readonly package: string;
  /** More for the linker than the flags that all have. */
  readonly linkerFlags?: string;
  /** The levels whose tests run it. */
  readonly levels: readonly Level[];
}

/** Files that a required module ships and the tests read: definitions, configuration, schemas. */
export interface SharedFiles {
  /** Their folder below `share/`. */
  readonly name: string;
  /** The Go module that ships them, and the folder in it. */
  readonly module: string;
  readonly folder: string;
  readonly levels: readonly Level[];
}

/** A Go module of the repository. */
export interface GoModule {
  /** Its folder below `test/cluster/go`. */
  readonly name: string;
  readonly binaries: readonly Binary[];
  readonly shared: readonly SharedFiles[];
}

const serving = 'knative.dev/serving';
const keda = 'github.com/kedacore/keda/v2';
const kubernetes = 'k8s.io/kubernetes/cmd';
/** The API server refuses to start without a version, and clients read it. */
const kubernetesVersion = '-X k8s.io/component-base/version.gitVersion=v1.36.3';

/** Every module with all that is built or copied out of it. */
export const goModules: readonly GoModule[] = [
  {
    name: 'helm',
    binaries: [{ name: 'helm', package: 'helm.sh/helm/v3/cmd/helm', levels: [1, 2, 3] }],
    shared: [],
  },
  {
    name: 'containerfile',
    binaries: [{ name: 'containerfile-check', package: '.', levels: [1] }],
    shared: [],
  },
  {
    name: 'knative',
    binaries: [
      { name: 'ksvc-validate', package: './cmd/ksvc-validate', levels: [1, 2] },
      { name: 'queue-proxy', package: `${serving}/cmd/queue`, levels: [2] },
      { name: 'knative-controller', package: `${serving}/cmd/controller`, levels: [3] },
      { name: 'knative-webhook', package: `${serving}/cmd/webhook`, levels: [3] },
      { name: 'knative-autoscaler', package: `${serving}/cmd/autoscaler`, levels: [3] },
      { name: 'knative-activator', package: `${serving}/cmd/activator`, levels: [3] },
    ],
    shared: [
      { name: 'knative-serving', module: serving, folder: 'config/core', levels: [1, 2, 3] },
      { name: 'knative-networking', module: 'knative.dev/networking', folder: 'config', levels: [1, 3] },
      { name: 'knative-caching', module: 'knative.dev/caching', folder: 'config', levels: [3] },
    ],
  },
  {
    name: 'keda',
    binaries: [
      { name: 'keda-scaler', package: './cmd/keda-scaler', levels: [1] },
      { name: 'scaledobject-validate', package: './cmd/scaledobject-validate', levels: [1] },
      { name: 'keda-operator', package: `${keda}/cmd/operator`, levels: [3] },
      { name: 'keda-adapter', package: `${keda}/cmd/adapter`, levels: [3] },
      { name: 'keda-webhooks', package: `${keda}/cmd/webhooks`, levels: [3] },
    ],
    shared: [
      { name: 'keda-crds', module: keda, folder: 'config/crd/bases', levels: [1, 3] },
      { name: 'keda-config', module: keda, folder: 'config', levels: [3] },
      { name: 'keda-schema', module: keda, folder: 'schema/generated', levels: [1] },
    ],
  },
  {
    name: 'etcd',
    binaries: [{ name: 'etcd', package: 'go.etcd.io/etcd/server/v3', levels: [3] }],
    shared: [],
  },
  {
    name: 'kubernetes',
    binaries: [
      { name: 'manifest-validate', package: './cmd/manifest-validate', levels: [1] },
      ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name): Binary => ({
        name,
        package: `${kubernetes}/${name}`,
        linkerFlags: kubernetesVersion,
        levels: [3],
      })),
    ],
    shared: [],
  },
  {
    name: 'monitoring',
    binaries: [],
    shared: [
      {
        name: 'prometheus-operator-crds',
        module: 'github.com/prometheus-operator/prometheus-operator',
        folder: 'example/prometheus-operator-crd',
        levels: [1, 3],
      },
    ],
  },
  {
    name: 'kwok',
    binaries: [{ name: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', levels: [3] }],
    shared: [{ name: 'kwok-stages', module: 'sigs.k8s.io/kwok', folder: 'kustomize/stage', levels: [3] }],
  },
];

/** The modules with only what these levels need; modules that they do not need are left out. */
export function partsOf(wanted: readonly Level[]): GoModule[] {
  const isWanted = (part: { levels: readonly Level[] }): boolean => part.levels.some((level) => wanted.includes(level));
  return goModules
    .map(({ name, binaries, shared }) => ({
      name,
      binaries: binaries.filter(isWanted),
      shared: shared.filter(isWanted),
    }))
    .filter(({ binaries, shared }) => binaries.length + shared.length > 0);
}
