import type { ApiClient } from './api-client';

/** Volumes for claims of a namespace, as many as given; nothing is ever written to them, since no container runs. */
export async function provideVolumes(api: ApiClient, namespace: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await api.create('/api/v1/persistentvolumes', {
      metadata: { name: `${namespace}-${index}` },
      spec: {
        capacity: { storage: '100Gi' },
        accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
        hostPath: { path: '/nonexistent' },
      },
    });
  }
}
