import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ports } from './addresses';
import { binary, shared } from '../../support/binaries';
import type { ControlPlane } from './control-plane';

/** A machine of the cluster. Its kubelet is kwok, but for the pods that are real processes. */
export interface NodeSpec {
  readonly name: string;
  readonly gpu: boolean;
}

/** Pods with this label are left alone by kwok. */
export interface RealPods {
  readonly label: string;
  readonly values: readonly string[];
}

const leaseSeconds = '40';
const stageFiles = ['node/fast/node-initialize', 'node/heartbeat-with-lease/node-heartbeat-with-lease'];
const podStageFiles = ['pod/fast/pod-ready', 'pod/fast/pod-delete'];

/** Adds the nodes and keeps them alive; makes every pod on them ready and deletes those that are to go, but for real ones. */
export async function startKwok(
  { daemons, api, kubeconfig }: ControlPlane,
  nodes: readonly NodeSpec[],
  real?: RealPods,
): Promise<void> {
  const config = join(daemons.logFolder, 'kwok-stages.yaml');
  const read = (path: string): string => readFileSync(shared('kwok-stages', `${path}.yaml`), 'utf8');
  const stages = [
    ...stageFiles.map(read),
    ...podStageFiles.map((path) => (real ? leaveAlone(read(path), real) : read(path))),
  ];
  writeFileSync(config, stages.join('\n---\n'));
  await daemons.start({
    name: 'kwok',
    command: binary('kwok'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--manage-all-nodes',
      `--node-lease-duration-seconds=${leaseSeconds}`,
      `--config=${config}`,
      `--server-address=127.0.0.1:${ports.kwok}`,
    ],
    ready: async () => (await fetch(`http://127.0.0.1:${ports.kwok}/healthz`)).ok,
  });
  for (const node of nodes) await api.create('/api/v1/nodes', nodeOf(node));
}

/** The stage with one condition more. */
function leaveAlone(stage: string, { label, values }: RealPods): string {
  const condition = `    - { key: '.metadata.labels["${label}"]', operator: NotIn, values: [${values.map((value) => `'${value}'`).join(', ')}] }\n`;
  const changed = stage.replace(/^ {4}matchExpressions:\n/m, (line) => line + condition);
  if (changed === stage) throw new Error('a stage of kwok has no list of conditions any more');
  return changed;
}

/** Of the size and with the labels and the taint that GPU operators give. */
function nodeOf({ name, gpu }: NodeSpec) {
  const size = {
    cpu: '64',
    memory: '256Gi',
    'ephemeral-storage': '1Ti',
    pods: '110',
    ...(gpu && { 'nvidia.com/gpu': '1' }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        ...(gpu && { 'nvidia.com/gpu.present': 'true' }),
      },
    },
    spec: { ...(gpu && { taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }] }) },
    status: { capacity: size, allocatable: size },
  };
}
