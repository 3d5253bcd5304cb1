import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findNatsServer } from '../../../support/nats-server';
import { addresses } from './addresses';
import type { ApiClient } from './api-client';
import { environmentOf, type Container, type Pod } from './pod';
import type { ProcessRecipe } from './pod-process';

/** Names of the pods of the chart's StatefulSet, in the order of their addresses. */
export const natsPods = addresses.nats.map((_, index) => `nats-${index}`);

/** A server as its pod says, on the addresses of that pod alone and with its store in a folder of this machine. */
export function natsRecipe(pod: Pod, container: Container, address: string, folder: string): ProcessRecipe {
  const { name } = pod.metadata;
  const own = ['--addr', address, '--cluster', `nats://${address}:6222`, '--pid', join(folder, `${name}.pid`)];
  const args = (container.args ?? []).map((arg) => arg.replace(mountedConfig, configFile(folder)));
  return {
    command: findNatsServer(),
    args: [...args, ...own, '--store_dir', join(folder, name)],
    env: environmentOf(container, name),
  };
}

const mountedConfig = '/etc/nats/nats.conf';
const configFile = (folder: string): string => join(folder, 'nats.conf');

/** Puts the configuration of the chart where the recipes look for it. */
export async function mountNatsConfig(api: ApiClient, namespace: string, folder: string): Promise<void> {
  const { data } = await api.get<{ data: Record<string, string> }>(`/api/v1/namespaces/${namespace}/configmaps/nats`);
  writeFileSync(configFile(folder), data['nats.conf'] ?? '');
}

/** Gives the StatefulSet's claims volumes, which are as good as any: the servers here have folders of their own. */
export async function provideVolumes(api: ApiClient, namespace: string): Promise<void> {
  for (const name of natsPods) {
    await api.create('/api/v1/persistentvolumes', {
      metadata: { name: `${namespace}-${name}` },
      spec: {
        capacity: { storage: '100Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: '/nonexistent' },
      },
    });
  }
}

/** Messages that all streams of jobs hold, waiting or being worked on. */
export async function jobsOnTheBus(): Promise<number> {
  const messages = new Map<string, number>();
  for (const address of addresses.nats) {
    const response = await fetch(`http://${address}:8222/jsz?streams=true`);
    const { account_details: accounts = [] } = (await response.json()) as Jsz;
    for (const { name, state } of accounts.flatMap(({ stream_detail: detail = [] }) => detail)) {
      if (name.startsWith(jobStreams)) messages.set(name, Math.max(messages.get(name) ?? 0, state.messages));
    }
  }
  if (messages.size === 0) throw new Error('the bus has no stream of jobs');
  return [...messages.values()].reduce((sum, count) => sum + count, 0);
}

/** What the names of the lanes' streams begin with. */
const jobStreams = 'ANTIPHON_';

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly state: { readonly messages: number } }[];
  }[];
}
