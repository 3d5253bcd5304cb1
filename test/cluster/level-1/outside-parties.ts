import type { Party } from './network-policy';
import { namespace } from './rendered';

/** A pod, with the label `app` of its name. */
export const pod = (name: string, inNamespace: string, address: string, labels = {}): Party => ({
  name,
  namespace: inNamespace,
  address,
  labels: { app: name, ...labels },
});

/** A pod of the project that a person starts, to save the buckets for example: it reaches NATS, and nobody reaches it. */
export const backup = pod('backup', namespace, '10.0.2.1', {
  'app.kubernetes.io/part-of': 'antiphon',
  'app.kubernetes.io/component': 'backup',
});

/** Whoever is around the pods of the charts. */
export const outside: readonly Party[] = [
  pod('ingress', 'kourier-system', '10.0.9.1'),
  pod('activator', 'knative-serving', '10.0.9.2'),
  pod('keda', 'keda', '10.0.9.3'),
  pod('prometheus', 'monitoring', '10.0.9.4'),
  pod('dns', 'kube-system', '10.0.9.5'),
  pod('neighbour', namespace, '10.0.9.6'),
  pod('stranger', 'default', '10.0.9.7'),
  { name: 'vendor', address: '203.0.113.5' },
  { name: 'store', address: '198.51.100.7' },
  { name: 'internet', address: '8.8.8.8' },
  { name: 'private', address: '172.20.1.1' },
  { name: 'metadata', address: '169.254.169.254' },
];

/** Ports that are dialled. */
export const ports = [22, 53, 80, 443, 4222, 5000, 6222, 8000, 8012, 8013, 8080, 8081, 8112, 8222, 9090, 9091];
