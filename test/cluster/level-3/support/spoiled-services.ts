import type { KubernetesObject } from './api-client';

interface Container {
  name: string;
  image: string;
  ports?: { name?: string; containerPort: number }[];
  env?: { name: string; value: string }[];
  startupProbe?: object;
}

/** A Service of Knative as far as it is spoiled here. */
export interface KnativeService extends KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: KubernetesObject['metadata'] & { annotations?: Record<string, string> };
  spec: {
    template: {
      metadata: { annotations: Record<string, string> };
      spec: { containers: [Container, ...Container[]]; timeoutSeconds: number; [field: string]: unknown };
    };
  };
}

/** What spoils a Service of ours, the reason with which Knative refuses it, and how. */
export const spoiledServices: readonly [string, RegExp, (service: KnativeService) => void][] = [
  [
    'two ports',
    /more than one container port is set/,
    ({ spec }) => spec.template.spec.containers[0].ports?.push({ name: 'h2c', containerPort: 5001 }),
  ],
  [
    'the variable PORT',
    /"PORT" is a reserved environment variable/,
    ({ spec }) => spec.template.spec.containers[0].env?.push({ name: 'PORT', value: '5000' }),
  ],
  [
    'a longer life of requests than the cluster allows',
    /timeoutSeconds/,
    ({ spec }) => void (spec.template.spec.timeoutSeconds = 1_000_000),
  ],
  [
    'a grace period of its own',
    /unknown field "spec\.template\.spec\.terminationGracePeriodSeconds"/,
    ({ spec }) => void (spec.template.spec['terminationGracePeriodSeconds'] = 60),
  ],
  [
    'the network of the host',
    /unknown field "spec\.template\.spec\.hostNetwork"|hostNetwork/,
    ({ spec }) => void (spec.template.spec['hostNetwork'] = true),
  ],
  [
    'a scale to start with that the cluster does not allow',
    /initial-scale/,
    ({ spec }) => void (spec.template.metadata.annotations['autoscaling.knative.dev/initial-scale'] = '0'),
  ],
  [
    'more replicas at least than at most',
    /max-scale=20 is less than min-scale=21/,
    ({ spec }) => void (spec.template.metadata.annotations['autoscaling.knative.dev/min-scale'] = '21'),
  ],
  [
    'an autoscaler that does not exist',
    /autoscaling\.knative\.dev\/class/,
    ({ spec }) =>
      void (spec.template.metadata.annotations['autoscaling.knative.dev/class'] = 'lag.autoscaling.knative.dev'),
  ],
  [
    'its scale on the Service in place of its template',
    /must be put under "spec\.template\.metadata\.annotations"/,
    ({ metadata }) => void (metadata.annotations = { 'autoscaling.knative.dev/min-scale': '1' }),
  ],
];
