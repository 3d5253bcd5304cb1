import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { insideNamespace } from '../../support/namespace';

const bridge = 'pods0';
const bridgeAddress = '10.98.0.1';
const prefixBits = 16;
/** Addresses of Services: the namespace of these tests answers to every one of them itself. */
const serviceSubnet = '10.99.2.';

/** Why pods cannot have networks of their own here; undefined where they can. */
export function whyNoPodNetwork(): string | undefined {
  if (!insideNamespace()) return undefined;
  const add = spawnSync('ip', ['link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1'], {
    encoding: 'utf8',
  });
  if (add.status !== 0) return `no pair of virtual network devices: ${add.stderr.trim()}`;
  ip('link', 'delete', 'probe0');
  return undefined;
}

/** A network as a cluster has one: pods with an address and ports of their own, and addresses for Services. */
export class PodNetwork {
  private readonly pods: PodNamespace[] = [];
  private services = 0;

  /** Makes the bridge to which pods are connected. */
  open(): void {
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('address', 'add', `${bridgeAddress}/${prefixBits}`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
  }

  /** A pod's network. */
  async pod(): Promise<PodNamespace> {
    const number = this.pods.length + 1;
    const pod = new PodNamespace(`10.98.1.${number}`, `pod${number}`);
    this.pods.push(pod);
    await pod.open();
    return pod;
  }

  /** An address that this process can listen on and every pod can reach. */
  serviceAddress(): string {
    this.services += 1;
    return `${serviceSubnet}${this.services}`;
  }

  /** Ends every pod's network; whatever still runs in one has no connection any more. */
  close(): void {
    for (const pod of this.pods) pod.close();
    ip('link', 'delete', bridge);
  }
}

/** A network namespace with one address, held by a process that sleeps. */
export class PodNamespace {
  private holder: ChildProcess | undefined;

  constructor(
    readonly address: string,
    private readonly device: string,
  ) {}

  async open(): Promise<void> {
    const holder = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', 'unshare', '--net', 'sh', '-c', 'echo made; exec sleep infinity'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    this.holder = holder;
    await once(holder.stdout, 'data');
    ip('link', 'add', this.device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
    ip('link', 'set', this.device, 'master', bridge, 'up');
    this.ip('address', 'add', `${this.address}/${prefixBits}`, 'dev', 'eth0');
    this.ip('link', 'set', 'lo', 'up');
    this.ip('link', 'set', 'eth0', 'up');
    this.ip('route', 'add', 'default', 'via', bridgeAddress);
  }

  /** The command line that runs another one in this network. */
  command(command: string, args: readonly string[]): { command: string; args: string[] } {
    return { command: 'nsenter', args: [...this.enter(), command, ...args] };
  }

  close(): void {
    this.holder?.kill('SIGKILL');
  }

  private enter(): string[] {
    return ['--net', '--target', String(this.holder?.pid)];
  }

  private ip(...args: string[]): void {
    execFileSync('nsenter', [...this.enter(), 'ip', ...args]);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args);
}
