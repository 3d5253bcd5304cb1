import type { KubernetesObject } from './api-client';

/** Where a pod's answers are looked for. */
interface HttpProbe {
  readonly httpGet?: { readonly path: string; readonly port: number };
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** A container as the API has it, as far as it is run here. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvironmentVariable[];
  readonly readinessProbe?: HttpProbe;
  readonly livenessProbe?: HttpProbe;
}

/** A pod as the API has it, as far as it is run here. */
export interface Pod extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly uid: string };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly Container[] };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

/** A Deployment as the API has it, as far as it is looked at here. */
export interface Deployment extends KubernetesObject {
  readonly spec: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number };
}

/** The path of a pod in the API. */
export const podPath = ({ metadata }: Pod): string =>
  `/api/v1/namespaces/${metadata.namespace ?? 'default'}/pods/${metadata.name}`;

/** The variables that a container is given by value, or as the name of its pod; others are left out. */
export const environmentOf = ({ env = [] }: Container, podName = ''): Record<string, string> =>
  Object.fromEntries(
    env.flatMap(({ name, value, valueFrom }) => {
      const given = valueFrom?.fieldRef?.fieldPath === 'metadata.name' ? podName : value;
      return given === undefined ? [] : [[name, given]];
    }),
  );

/** The URL of a probe of a pod with this address; throws where the container has no such probe over HTTP. */
export function probeUrl(probe: HttpProbe | undefined, address: string): string {
  if (!probe?.httpGet) throw new Error('the container has no HTTP probe');
  return `http://${address}:${probe.httpGet.port}${probe.httpGet.path}`;
}

/** What a kubelet reports of a pod whose only container runs. */
export function runningStatus({ spec }: Pod, address: string, ready: boolean, restartCount: number) {
  const now = new Date().toISOString();
  const status = ready ? 'True' : 'False';
  return {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: now,
    conditions: [
      { type: 'Initialized', status: 'True', lastTransitionTime: now },
      { type: 'ContainersReady', status, lastTransitionTime: now },
      { type: 'Ready', status, lastTransitionTime: now },
    ],
    containerStatuses: spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready,
      started: ready,
      restartCount,
      state: { running: { startedAt: now } },
    })),
  };
}
