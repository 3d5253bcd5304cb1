import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { findNatsServer, freePort } from './nats-server';
import { until } from './until';

interface Member {
  readonly name: string;
  readonly port: number;
  readonly routePort: number;
  child?: ChildProcess;
}

const retryMs = 100;
/** Nobody answers a call that comes during an election, so a long wait for it would outlast the election. */
const callTimeoutMs = 1_000;
const patienceMs = 30_000;

/** Several real nats-servers on loopback that form one cluster with JetStream. */
export class TestNatsCluster {
  private readonly folder = mkdtempSync(join(tmpdir(), 'antiphon-nats-'));
  private members: Member[] = [];

  constructor(private readonly size: number) {}

  /** Of the servers that run. */
  get urls(): string[] {
    return this.members.filter(({ child }) => child).map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  /** Of a server that runs and is not the one of this name. */
  urlBeside(name: string): string | undefined {
    const other = this.members.find((member) => member.child && member.name !== name);
    return other && `nats://127.0.0.1:${other.port}`;
  }

  /** Resolves when the cluster has chosen who keeps account of its streams. */
  async start(): Promise<void> {
    for (let index = 0; index < this.size; index += 1) {
      this.members.push({ name: `nats-${index}`, port: await freePort(), routePort: await freePort() });
    }
    for (const member of this.members) member.child = this.spawn(member);
    await this.led();
  }

  /** Resolves when JetStream takes calls. */
  async led(): Promise<void> {
    await this.untilTold(async (manager) => ((await manager.getAccountInfo()).limits ? true : undefined));
  }

  /** Name of the server that leads a JetStream stream; waits for one. */
  leaderOf(stream: string): Promise<string> {
    return this.untilTold(async (manager) => (await manager.streams.info(stream)).cluster?.leader || undefined);
  }

  /** Resolves when a JetStream stream has all its copies, and each is up to date. */
  async copied(stream: string): Promise<void> {
    await this.untilTold(async (manager) => {
      const { cluster, config } = await manager.streams.info(stream);
      const followers = cluster?.replicas?.filter(({ current }) => current) ?? [];
      return followers.length + 1 === config.num_replicas ? true : undefined;
    });
  }

  /** Ends a server at once, as a crash would. */
  async kill(name: string): Promise<void> {
    const member = this.members.find((each) => each.name === name);
    const child = member?.child;
    if (!child) throw new Error(`no server runs by the name of ${name}`);
    delete member.child;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Starts a server that was killed, with what it had stored; nothing waits for it. */
  restart(name: string): void {
    const member = this.members.find((each) => each.name === name);
    if (!member || member.child) throw new Error(`no server by the name of ${name} was killed`);
    member.child = this.spawn(member);
  }

  /** Names of the servers that run. */
  get names(): string[] {
    return this.members.filter(({ child }) => child).map(({ name }) => name);
  }

  async stop(): Promise<void> {
    for (const { name, child } of this.members) if (child) await this.kill(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn({ name, port, routePort }: Member): ChildProcess {
    const routes = this.members.map((member) => `nats://127.0.0.1:${member.routePort}`);
    const own = ['--addr', '127.0.0.1', '--port', String(port), '--server_name', name];
    const jetStream = ['--jetstream', '--store_dir', join(this.folder, name)];
    const cluster = [
      '--cluster',
      `nats://127.0.0.1:${routePort}`,
      '--cluster_name',
      'test',
      '--routes',
      routes.join(','),
    ];
    return spawn(findNatsServer(), [...own, ...jetStream, ...cluster], { stdio: 'ignore' });
  }

  /** Asks any server until there is an answer: none is sure of anything while it looks for the others. */
  private async untilTold<T>(
    ask: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T | undefined>,
  ): Promise<T> {
    let answer: T | undefined;
    const hasAnswered = async (): Promise<boolean> => {
      const connection = await connect({ servers: this.urls, maxReconnectAttempts: 0 });
      try {
        answer = await ask(await jetstreamManager(connection, { timeout: callTimeoutMs }));
        return answer !== undefined;
      } finally {
        await connection.close();
      }
    };
    await until(hasAnswered, { withinMs: patienceMs, everyMs: retryMs });
    return answer as T;
  }
}
