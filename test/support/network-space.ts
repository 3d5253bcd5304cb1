import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A network of its own for some processes, with nothing but loopback until it is linked. */
export class NetworkSpace {
  private constructor(private readonly holder: ChildProcess) {}

  /** Ends with this process. */
  static async open(): Promise<NetworkSpace> {
    const script = 'ip link set lo up && echo ready && cat';
    const holder = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new NetworkSpace(holder);
  }

  /** A process of this space, under /proc of which its counters are. */
  get pid(): number {
    if (this.holder.pid === undefined) throw new Error('the network space has ended');
    return this.holder.pid;
  }

  /** A command line that runs another one in this space; the process that it starts is the other one. */
  enter(command: string, args: readonly string[]): { command: string; args: string[] } {
    return { command: 'nsenter', args: [`--net=/proc/${this.pid}/ns/net`, command, ...args] };
  }

  /** Gives an end of a link an address, such as `10.0.0.1/24`, and sets it up. */
  set(device: string, address: string): void {
    for (const part of addressing(device, address)) {
      const { command, args } = this.enter('ip', part);
      execFileSync(command, args);
    }
  }

  /** A link from here to a device of the other space, or of this process; both need addresses. */
  link(device: string, other: NetworkSpace | undefined, otherDevice: string): void {
    const ends = ['link', 'add', device, 'type', 'veth', 'peer', 'name', otherDevice];
    const { command, args } = this.enter('ip', [...ends, 'netns', String(other?.pid ?? process.pid)]);
    execFileSync(command, args);
  }

  async close(): Promise<void> {
    const ended = once(this.holder, 'exit');
    this.holder.stdin?.end();
    await ended;
  }
}

/** As `set`, for the space of this process. */
export function setHere(device: string, address: string): void {
  for (const part of addressing(device, address)) execFileSync('ip', part);
}

/** IPv6 would announce itself. */
const addressing = (device: string, address: string): string[][] => [
  ['link', 'set', device, 'addrgenmode', 'none'],
  ['address', 'add', address, 'dev', device],
  ['link', 'set', device, 'up'],
];
