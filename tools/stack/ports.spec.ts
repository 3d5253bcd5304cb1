import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusedByFetch, PortBook } from './ports';

const systemError = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`listen ${code}`), { code });

/** Above the highest process id of Linux. */
const deadPid = 2 ** 22 + 1;

describe('PortBook', () => {
  let folder: string;
  let server: Server;
  let taken: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ports-'));
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    taken = (server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it('goes past a port that something listens on', async () => {
    expect(await new PortBook(folder).take(taken)).toBeGreaterThan(taken);
  });

  it('goes past a port that fetch refuses', async () => {
    const port = await new PortBook(folder).take(6665);
    expect(port).toBeGreaterThan(6669);
  });

  it('gives no port twice, not even to two launchers that ask before anything listens', async () => {
    const books = [new PortBook(folder), new PortBook(folder)];
    const ports = await Promise.all([...books, ...books].map((book) => book.take(taken)));
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('names the wanted port when something listens on it', async () => {
    await expect(new PortBook(folder).takeExactly(taken)).rejects.toThrow(`Port ${taken} is taken`);
  });

  it.each([
    ['EACCES', 'This user may not listen on port 80. Choose a port from 1024 up with --port.'],
    ['EADDRNOTAVAIL', 'Nothing can listen on port 80: the system says EADDRNOTAVAIL.'],
  ])('says why nothing can listen on the wanted port where the system answers %s', async (code, says) => {
    const book = new PortBook(folder, () => Promise.resolve(systemError(code)));
    await expect(book.takeExactly(80)).rejects.toMatchObject({ detail: says });
  });

  it('goes past a port that is reserved', async () => {
    const book = new PortBook(folder, (port) => Promise.resolve(port < 1024 ? systemError('EACCES') : undefined));
    expect(await book.take(1000)).toBe(1024);
  });

  it('tries no further port, and keeps none, where the system cannot listen at all', async () => {
    const tried: number[] = [];
    const book = new PortBook(folder, (port) => {
      tried.push(port);
      return Promise.resolve(systemError('EMFILE'));
    });
    await expect(book.take(4222)).rejects.toMatchObject({
      detail: 'Nothing can listen on port 4222: the system says EMFILE.',
    });
    expect(tried).toEqual([4222]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives exactly the wanted port again as long as nothing listens there', async () => {
    const book = new PortBook(folder);
    const port = await book.take(taken);
    expect(await book.takeExactly(port)).toBe(port);
    expect(await new PortBook(folder).takeExactly(port)).toBe(port);
  });

  it('gives out what was released, and what a launcher that died had noted', async () => {
    const book = new PortBook(folder);
    const port = await book.take(taken);
    book.release();
    writeFileSync(join(folder, String(port)), String(deadPid));
    const next = new PortBook(folder);
    expect(await next.take(port)).toBe(port);
    next.release();
    expect(await new PortBook(folder).take(port)).toBe(port);
  });
});

describe('isRefusedByFetch', () => {
  /** A dispatcher of Node's fetch that dials nothing. */
  const dispatcher = {
    dispatch: (_: unknown, handler: { onError: (error: Error) => void }): boolean => {
      handler.onError(new Error('not dialled'));
      return true;
    },
  };

  it('says of every port below 11,000 what fetch itself says', async () => {
    for (let port = 1; port < 11_000; port += 1) {
      const why = await fetch(`http://127.0.0.1:${port}`, { dispatcher } as RequestInit).catch(
        (error: Error) => (error.cause as Error).message,
      );
      expect([port, isRefusedByFetch(port)]).toEqual([port, why === 'bad port']);
    }
  });
});
