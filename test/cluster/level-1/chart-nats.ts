import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from '../../support/nats-server';
import { named, type Manifest } from './rendered';

/** Where one server listens. */
export interface ServerAddress {
  /** Name of its pod, which the configuration makes its own. */
  readonly pod: string;
  readonly host: string;
  readonly clientPort: number;
  readonly monitorPort: number;
  readonly clusterPort?: number;
}

/** Where the volume of a pod is. */
const dataFolder = '/data';
const readyWithinMs = 60_000;
const pauseMs = 50;

/** Real nats-servers under the configuration that the chart renders; addresses and folders alone are those of the test. */
export class ChartNats {
  private readonly folder = mkdtempSync(join(tmpdir(), 'antiphon-chart-nats-'));
  private readonly config: string;
  private readonly children = new Map<string, ChildProcess>();

  /** `within`: a command line that each server becomes the end of. */
  constructor(
    manifests: readonly Manifest[],
    private readonly addresses: readonly ServerAddress[],
    private readonly within: readonly string[] = [],
  ) {
    this.config = named(manifests, 'ConfigMap', 'nats').data?.['nats.conf'] ?? '';
    if (!this.config.includes(dataFolder))
      throw new Error(`the configuration keeps its streams elsewhere: ${this.config}`);
  }

  /** For clients. */
  get urls(): string[] {
    return this.addresses.map(({ host, clientPort }) => `nats://${host}:${clientPort}`);
  }

  /** Resolves when every server is ready as the probe of the chart asks. */
  async start(): Promise<void> {
    for (const address of this.addresses) this.spawn(address);
    await Promise.all(this.addresses.map((address) => this.ready(address)));
  }

  /** Ends a server at once, as a crash would. */
  async kill(pod: string): Promise<void> {
    const child = this.children.get(pod);
    if (!child) throw new Error(`no server runs by the name of ${pod}`);
    this.children.delete(pod);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Starts one again that was killed, with what it has on disk, as the StatefulSet would. */
  async restart(pod: string): Promise<void> {
    const address = this.addresses.find((each) => each.pod === pod);
    if (!address) throw new Error(`there is no server ${pod}`);
    this.spawn(address);
    await this.ready(address);
  }

  async stop(): Promise<void> {
    for (const pod of [...this.children.keys()]) await this.kill(pod);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn({ pod, host, clientPort, monitorPort, clusterPort }: ServerAddress): void {
    const home = join(this.folder, pod);
    mkdirSync(home, { recursive: true });
    const config = join(home, 'nats.conf');
    writeFileSync(config, this.config.replace(dataFolder, home));
    const listen = ['--addr', host, '--port', String(clientPort), '--http_port', String(monitorPort)];
    const cluster = clusterPort === undefined ? [] : ['--cluster', `nats://${host}:${clusterPort}`];
    const files = ['--pid', join(home, 'pid'), '--log', join(home, 'log')];
    const server = [findNatsServer(), '--config', config, ...listen, ...cluster, ...files];
    const [command = '', ...args] = [...this.within, ...server];
    this.children.set(pod, spawn(command, args, { stdio: 'ignore', env: { ...process.env, POD_NAME: pod } }));
  }

  private async ready({ pod, host, monitorPort }: ServerAddress): Promise<void> {
    const deadlineMs = performance.now() + readyWithinMs;
    while (performance.now() < deadlineMs) {
      if (this.children.get(pod)?.exitCode !== null) throw new Error(`nats-server ${pod} ended at start`);
      const url = `http://${host}:${monitorPort}/healthz?js-server-only=true`;
      if (
        await fetch(url).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    throw new Error(`nats-server ${pod} was not ready within ${readyWithinMs} ms`);
  }
}
