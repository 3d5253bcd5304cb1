import { MemoryAppendLog, MemoryLogStore, NatsAppendLog, type AppendLog, type LogRecord } from '@app/broker';
import { TestNatsServer } from '../support/nats-server';

/** A kind of log under test, on a bus that can go away and come back. */
interface Bus {
  start(): Promise<void>;
  /** Another writer of the same log. */
  writer(maxBytes?: number): Promise<AppendLog>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

function memory(): Bus {
  let store: MemoryLogStore | undefined;
  return {
    start: () => Promise.resolve(),
    writer: (maxBytes) => Promise.resolve(new MemoryAppendLog((store ??= new MemoryLogStore(maxBytes)))),
    goAway: () => Promise.resolve(store?.disconnect()),
    comeBack: () => Promise.resolve(store?.reconnect()),
    stop: () => Promise.resolve(),
  };
}

function nats(): Bus {
  const server = new TestNatsServer();
  const logs: NatsAppendLog[] = [];
  return {
    start: () => server.start(),
    writer: async (maxBytes) => {
      const where = { servers: [server.url], stream: 'conformance', subject: 'conformance.log' };
      const log = new NatsAppendLog({ ...where, name: 'conformance', maxBytes });
      logs.push(log);
      await log.start();
      return log;
    },
    goAway: () => server.kill(),
    comeBack: () => server.start(),
    stop: async () => {
      await Promise.all(logs.map((log) => log.close()));
      await server.stop();
    },
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const textOf = ({ payload }: Pick<LogRecord, 'payload'>): string => Buffer.from(payload).toString('utf8');

async function texts(log: AppendLog, sequence = 1): Promise<string[]> {
  const found: string[] = [];
  for await (const record of log.read(sequence)) found.push(textOf(record));
  return found;
}

/** A link of a chain: its number, and the whole of the link before. */
const counted = (last: LogRecord | undefined): Uint8Array => bytes(String(last ? Number(textOf(last)) + 1 : 1));

describe.each([
  ['in memory', memory],
  ['on NATS', nats],
])('An append-only log %s', (_name, make) => {
  let bus: Bus;

  beforeEach(async () => {
    bus = make();
    await bus.start();
  });
  afterEach(() => bus.stop());

  it('is empty at first', async () => {
    const log = await bus.writer();
    expect([await log.first(), await log.last()]).toEqual([undefined, undefined]);
    expect(await texts(log)).toEqual([]);
    expect(await log.state()).toEqual({ firstSequence: 1, lastSequence: 0, records: 0, bytes: 0, maxBytes: undefined });
  });

  it('gives rising sequences, and reads from a sequence on', async () => {
    const log = await bus.writer();
    for (const text of ['a', 'b', 'c']) await log.append(bytes(text), text);
    expect(await texts(log)).toEqual(['a', 'b', 'c']);
    expect(await texts(log, 2)).toEqual(['b', 'c']);
    expect(await texts(log, 4)).toEqual([]);
    expect(await log.first()).toMatchObject({ sequence: 1, payload: bytes('a') });
    expect(await log.last()).toMatchObject({ sequence: 3, payload: bytes('c') });
  });

  it('reads more records than it asks for at once', async () => {
    const log = await bus.writer();
    const wanted = Array.from({ length: 1_100 }, (_, index) => String(index));
    await Promise.all(wanted.map((text) => log.append(bytes(text), text)));
    expect(await texts(log)).toEqual(wanted);
  });

  it('keeps one record of each message id, whichever way and writer it comes again', async () => {
    const [log, other] = [await bus.writer(), await bus.writer()];
    expect(await log.append(bytes('a'), 'id')).toEqual({ sequence: 1, duplicate: false });
    await log.append(bytes('b'), 'next');
    expect(await other.append(bytes('a'), 'id')).toEqual({ sequence: 1, duplicate: true });
    expect(await other.appendAfter(bytes('a'), 'id', 2)).toEqual({ sequence: 1, duplicate: true });
    expect(await log.chain('id', () => bytes('other'))).toEqual({ sequence: 1, duplicate: true });
    expect(await texts(log)).toEqual(['a', 'b']);
  });

  it('appends after an expected record only while that is the newest', async () => {
    const log = await bus.writer();
    expect(await log.appendAfter(bytes('early'), 'e', 1)).toBeUndefined();
    expect(await log.appendAfter(bytes('a'), 'a', 0)).toEqual({ sequence: 1, duplicate: false });
    expect(await log.appendAfter(bytes('late'), 'l', 0)).toBeUndefined();
    expect(await log.appendAfter(bytes('b'), 'b', 1)).toEqual({ sequence: 2, duplicate: false });
    expect(await texts(log)).toEqual(['a', 'b']);
  });

  it('builds each link of a chain on the newest one, however many writers there are', async () => {
    const writers = await Promise.all([1, 2, 3].map(() => bus.writer()));
    const links = Array.from({ length: 90 }, (_, index) => index);
    await Promise.all(links.map((index) => (writers[index % 3] as AppendLog).chain(`link-${index}`, counted)));
    expect(await texts(writers[0] as AppendLog)).toEqual(links.map((index) => String(index + 1)));
  });

  it('adds nothing to a chain where no link is made', async () => {
    const log = await bus.writer();
    expect(await log.chain('none', () => undefined)).toBeUndefined();
    expect(await log.last()).toBeUndefined();
  });

  it('goes on with a chain after a link that could not be made', async () => {
    const log = await bus.writer();
    const failed = log.chain('bad', () => Promise.reject(new Error('no link')));
    const next = log.chain('good', counted);
    await expect(failed).rejects.toThrow('no link');
    expect(await next).toEqual({ sequence: 1, duplicate: false });
  });

  it('drops old records, never the newest, and gives no sequence twice', async () => {
    const log = await bus.writer();
    for (const text of ['a', 'b', 'c']) await log.append(bytes(text), text);
    await log.dropBefore(3);
    expect(await texts(log)).toEqual(['c']);
    expect((await log.first())?.sequence).toBe(3);
    expect(await log.state()).toMatchObject({ firstSequence: 3, lastSequence: 3, records: 1 });
    await log.dropBefore(100);
    expect(await texts(log)).toEqual(['c']);
    expect(await log.append(bytes('d'), 'd')).toEqual({ sequence: 4, duplicate: false });
  });

  it('drops what was stored before a time', async () => {
    const log = await bus.writer();
    for (const text of ['a', 'b']) await log.append(bytes(text), text);
    expect(await log.dropStoredBefore(Date.now() - 3_600_000)).toBe(0);
    expect(await log.dropStoredBefore(Date.now() + 3_600_000)).toBe(1);
    expect(await texts(log)).toEqual(['b']);
  });

  it('refuses a record that does not fit, keeps all that it has, and takes records again after a drop', async () => {
    const log = await bus.writer(4_000);
    const large = new Uint8Array(1_500);
    await log.append(large, 'a');
    await log.append(large, 'b');
    await expect(log.append(large, 'c')).rejects.toMatchObject({ code: 'disk_full' });
    await expect(log.chain('d', () => large)).rejects.toMatchObject({ code: 'disk_full' });
    expect(await log.state()).toMatchObject({ records: 2, lastSequence: 2, maxBytes: 4_000 });
    await log.dropBefore(2);
    expect(await log.append(large, 'c')).toEqual({ sequence: 3, duplicate: false });
  });

  it('fails with bus_unavailable while the bus is away, and has its records and message ids afterwards', async () => {
    const log = await bus.writer();
    await log.append(bytes('a'), 'a');
    await bus.goAway();
    await expect(log.append(bytes('b'), 'b')).rejects.toMatchObject({ code: 'bus_unavailable' });
    await expect(log.chain('c', counted)).rejects.toMatchObject({ code: 'bus_unavailable' });
    await expect(texts(log)).rejects.toMatchObject({ code: 'bus_unavailable' });
    await bus.comeBack();
    const back = await bus.writer();
    expect(await back.append(bytes('a'), 'a')).toEqual({ sequence: 1, duplicate: true });
    expect(await back.append(bytes('b'), 'b')).toEqual({ sequence: 2, duplicate: false });
    expect(await texts(back)).toEqual(['a', 'b']);
  });
});
