import { join } from 'node:path';
import { findNatsServer } from '../../../support/nats-server';
import { addresses } from './addresses';
import type { DaemonSpec } from './daemon';

const monitoring = `http://${addresses.nats[0]}:8222`;

/** The one server of the bus, on the ports of the chart. */
export const natsServer = (folder: string): DaemonSpec => ({
  name: 'nats-0',
  command: findNatsServer(),
  args: ['-a', addresses.nats[0], '-p', '4222', '-m', '8222', '-n', 'nats-0', '-js', '-sd', join(folder, 'nats')],
  ready: async () => (await fetch(`${monitoring}/healthz`)).ok,
});

/** Messages that all streams of jobs hold, waiting or being worked on. */
export async function jobsOnTheBus(): Promise<number> {
  const response = await fetch(`${monitoring}/jsz?streams=true`);
  const { account_details: accounts = [] } = (await response.json()) as Jsz;
  const streams = accounts.flatMap(({ stream_detail: detail = [] }) => detail);
  return streams.filter(({ name }) => !name.startsWith('KV_')).reduce((sum, { state }) => sum + state.messages, 0);
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly state: { readonly messages: number } }[];
  }[];
}
