import { createServer } from 'node:net';
import { ProblemError } from '@app/protocol';

/** Whether nothing listens on this loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** The wanted port, or a free one above it where it is taken; none is given out twice. */
export class PortBook {
  private readonly given = new Set<number>();

  async take(wanted: number): Promise<number> {
    for (let port = wanted; port < 65_536; port += 1) {
      if (!this.given.has(port) && (await isFree(port))) {
        this.given.add(port);
        return port;
      }
    }
    throw new ProblemError('port_taken', { detail: `No free port from ${wanted} up.` });
  }

  /** The wanted port or a `port_taken` problem that names it. */
  async takeExactly(wanted: number): Promise<number> {
    if (!(await isFree(wanted))) {
      throw new ProblemError('port_taken', {
        detail: `Port ${wanted} is taken: choose another with --port, or stop what uses it.`,
      });
    }
    this.given.add(wanted);
    return wanted;
  }
}
