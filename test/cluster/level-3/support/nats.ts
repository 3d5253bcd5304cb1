import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findNatsServer } from '../../../support/nats-server';
import { addresses } from './addresses';
import type { ApiClient } from './api-client';
import { environmentOf, type Container, type Pod } from './pod';
import type { ProcessRecipe } from './pod-process';

/** Names of the pods of the chart's StatefulSet, in the order of their addresses. */
export const natsPods = addresses.nats.map((_, index) => `nats-${index}`);

/** The configuration that the chart gives the servers. */
export async function natsConfig(api: ApiClient, namespace: string): Promise<string> {
  const { data } = await api.get<{ data: Record<string, string> }>(`/api/v1/namespaces/${namespace}/configmaps/nats`);
  return data['nats.conf'] ?? '';
}

/** A server as its pod says, on the address of that pod alone and with folders of this machine for its volumes. */
export function natsRecipe(pod: Pod, container: Container, address: string, mounted: NatsMounts): ProcessRecipe {
  const { name } = pod.metadata;
  const own = join(mounted.folder, name);
  mkdirSync(own, { recursive: true });
  const config = `${own}.conf`;
  writeFileSync(
    config,
    mounted.config.replace(/(store_dir: )\/data/, `$1${own}`).replace(/(pid_file: )\/tmp/, `$1${own}`),
  );
  const args = (container.args ?? []).map((arg) => arg.replace('/etc/nats/nats.conf', config));
  return {
    command: findNatsServer(),
    args: [...args, '--addr', address, '--cluster', `nats://${address}:6222`],
    env: environmentOf(container, name),
  };
}

/** What the volumes of the servers hold, and the folder in which they are. */
export interface NatsMounts {
  readonly config: string;
  readonly folder: string;
}

/** Whether every server takes part in the bus. */
export const isBusReady = async (): Promise<boolean> =>
  (await Promise.all(addresses.nats.map((address) => fetch(`http://${address}:8222/healthz`)))).every(({ ok }) => ok);

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
