import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { namePrefix, ProblemError } from '@app/protocol';
import { isAlive } from './run-file';

/** Whether nothing listens on this loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/**
 * The wanted port, or a free one above it where it is taken. A port given out is noted in a folder that all launchers of
 * this user share, so that two stacks started at the same moment, or one whose part is just being restarted, keep apart.
 */
export class PortBook {
  private readonly given = new Set<number>();

  constructor(private readonly folder = join(tmpdir(), `${namePrefix}-ports-${userInfo().uid}`)) {}

  /** A free port from `wanted` up. */
  async take(wanted: number): Promise<number> {
    for (let port = wanted; port < 65_536; port += 1) {
      if (!this.given.has(port) && this.note(port)) {
        if (await isFree(port)) return port;
        this.forget(port);
      }
    }
    throw new ProblemError('port_taken', { detail: `No free port from ${wanted} up.` });
  }

  /** The wanted port, whoever may have noted it, or a `port_taken` problem that names it. */
  async takeExactly(wanted: number): Promise<number> {
    if (!(await isFree(wanted))) {
      throw new ProblemError('port_taken', {
        detail: `Port ${wanted} is taken: choose another with --port, or stop what uses it.`,
      });
    }
    if (!this.given.has(wanted)) {
      rmSync(this.fileOf(wanted), { force: true });
      this.note(wanted);
    }
    return wanted;
  }

  /** Lets others have every port of this book. */
  release(): void {
    for (const port of [...this.given]) this.forget(port);
  }

  private note(port: number): boolean {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = this.fileOf(port);
    if (!isHeld(file)) rmSync(file, { force: true });
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
    this.given.add(port);
    return true;
  }

  private forget(port: number): void {
    this.given.delete(port);
    rmSync(this.fileOf(port), { force: true });
  }

  private fileOf(port: number): string {
    return join(this.folder, String(port));
  }
}

/** Whether a launcher that still runs has noted the port; an empty note is being written just now. */
function isHeld(file: string): boolean {
  try {
    const pid = readFileSync(file, 'utf8');
    return pid === '' || isAlive(Number(pid));
  } catch {
    return false;
  }
}
