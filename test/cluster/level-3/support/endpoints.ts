import { addresses } from './addresses';
import type { ApiClient } from './api-client';

/** A port of a Service, by its name there, and where it is really served. */
export interface ServedPort {
  readonly name: string;
  readonly port: number;
}

/** Puts a program that runs beside the cluster behind a Service of it. */
export async function serve(
  api: ApiClient,
  namespace: string,
  service: string,
  served: readonly ServedPort[],
): Promise<void> {
  await api.create(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-test`, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: served.map(({ name, port }) => ({ name, port, protocol: 'TCP' })),
    endpoints: [{ addresses: [addresses.apiServer], conditions: { ready: true } }],
  });
}
