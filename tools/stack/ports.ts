import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '@app/artifacts';
import { namePrefix, ProblemError } from '@app/protocol';

/** "Bad ports" of the WHATWG fetch standard, whose owners speak other protocols. */
const refusedByFetch: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);

/** Whether browsers and `fetch` refuse to dial this port, whatever listens there. */
export const isRefusedByFetch = (port: number): boolean => refusedByFetch.has(port);

/** Listens on this loopback port for a moment; the system's error where that fails. */
function tryListen(port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(undefined)));
  });
}

/** Why nothing can listen on the port, in a sentence for the person who chose it. */
function problemOf(port: number, error: NodeJS.ErrnoException): ProblemError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ProblemError('port_taken', {
        detail: `Port ${port} is taken. Choose another port with --port, or stop the process that uses it.`,
      });
    case 'EACCES':
      return new ProblemError('config_invalid', {
        detail: `This user may not listen on port ${port}. Choose a port from 1024 up with --port.`,
      });
    default:
      return new ProblemError('internal', {
        detail: `Nothing can listen on port ${port}: the system says ${error.code ?? error.message}.`,
        cause: error,
      });
  }
}

/** Whether a higher port may do where this error came. */
const isOfThisPort = ({ code }: NodeJS.ErrnoException): boolean => code === 'EADDRINUSE' || code === 'EACCES';

/**
 * The wanted port, or a free one above it where nothing can listen on it. A port given out is noted in a folder that all launchers of
 * this user share, so that two stacks started at the same moment, or one whose part is just being restarted, keep apart.
 */
export class PortBook {
  private readonly given = new Set<number>();

  constructor(
    private readonly folder = join(tmpdir(), `${namePrefix}-ports-${userInfo().uid}`),
    private readonly listen: typeof tryListen = tryListen,
  ) {}

  /** A free port from `wanted` up, one that `fetch` dials and this user may listen on. */
  async take(wanted: number): Promise<number> {
    for (let port = wanted; port < 65_536; port += 1) {
      if (!isRefusedByFetch(port) && !this.given.has(port) && this.note(port)) {
        const error = await this.listen(port);
        if (!error) return port;
        this.forget(port);
        if (!isOfThisPort(error)) throw problemOf(port, error);
      }
    }
    throw new ProblemError('port_taken', { detail: `No free port from ${wanted} up.` });
  }

  /** The wanted port, whoever may have noted it, or a problem that names it and says why nothing can listen there. */
  async takeExactly(wanted: number): Promise<number> {
    const error = await this.listen(wanted);
    if (error) throw problemOf(wanted, error);
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
