import { MemoryKeyValue, NatsKeyValue, type KeyValueListener, type KeyValueStore } from '@app/broker';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

/** A kind of store under test, on a bus that can go away and come back. */
interface Bus {
  start(): Promise<KeyValueStore>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

function memory(): Bus {
  const store = new MemoryKeyValue();
  return {
    start: () => Promise.resolve(store),
    goAway: () => Promise.resolve(store.disconnect()),
    comeBack: () => Promise.resolve(store.reconnect()),
    stop: () => store.close(),
  };
}

function nats(): Bus {
  const server = new TestNatsServer();
  const stores: NatsKeyValue[] = [];
  return {
    start: async () => {
      await server.start();
      const store = new NatsKeyValue({ servers: [server.url], name: 'conformance', bucket: 'conformance' });
      stores.push(store);
      await store.start();
      return store;
    },
    goAway: () => server.kill(),
    comeBack: () => server.start(),
    stop: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
    },
  };
}

/** Keeps what a watch says, and lets a test wait for the next thing said. */
class Watched implements KeyValueListener {
  readonly said: (readonly [string, string | undefined] | ReadonlyMap<string, string>)[] = [];

  onSnapshot(entries: ReadonlyMap<string, string>): void {
    this.said.push(new Map(entries));
  }

  onChange(key: string, value: string | undefined): void {
    this.said.push([key, value]);
  }

  async count(wanted: number): Promise<this['said']> {
    await until(() => this.said.length >= wanted);
    return this.said;
  }
}

describe.each([
  ['in memory', memory],
  ['on NATS', nats],
])('A key/value store %s', (_name, make) => {
  let bus: Bus;
  let store: KeyValueStore;

  beforeEach(async () => {
    bus = make();
    store = await bus.start();
  });
  afterEach(() => bus.stop());

  it('gives what was put last, and undefined for what was never put', async () => {
    await store.put('a', 'first');
    await store.put('a', 'second');
    expect(await store.get('a')).toBe('second');
    expect(await store.get('b')).toBeUndefined();
  });

  it('forgets what was deleted, and minds no second deletion', async () => {
    await store.put('a', 'value');
    await store.delete('a');
    await store.delete('a');
    await store.delete('never-there');
    expect(await store.get('a')).toBeUndefined();
    expect(await store.keys()).toEqual([]);
  });

  it('lists its keys', async () => {
    await store.put('a', '1');
    await store.put('b', '2');
    await store.delete('a');
    expect(await store.keys()).toEqual(['b']);
  });

  it('creates only what never was', async () => {
    expect(await store.create('a', 'first')).toBe(true);
    expect(await store.create('a', 'second')).toBe(false);
    await store.delete('a');
    expect(await store.create('a', 'third')).toBe(false);
    expect(await store.get('a')).toBeUndefined();
  });

  it('replaces only the value that it was told of', async () => {
    expect(await store.replace('a', 'none', 'first')).toBe(false);
    await store.put('a', 'first');
    expect(await store.replace('a', 'another', 'second')).toBe(false);
    expect(await store.replace('a', 'first', 'second')).toBe(true);
    expect(await store.get('a')).toBe('second');
    await store.delete('a');
    expect(await store.replace('a', 'second', 'third')).toBe(false);
    expect(await store.get('a')).toBeUndefined();
  });

  it('lets one of many replacers win', async () => {
    await store.put('a', '0');
    const won = await Promise.all(['1', '2', '3', '4', '5'].map((value) => store.replace('a', '0', value)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store.get('a')).toBe(String(won.indexOf(true) + 1));
  });

  it('lets one of many creators win', async () => {
    const won = await Promise.all(['1', '2', '3', '4', '5'].map((value) => store.create('a', value)));
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  it('shows a watcher everything at once, then each change', async () => {
    await store.put('a', '1');
    await store.put('b', '2');
    await store.put('gone', '3');
    await store.delete('gone');
    const watched = new Watched();
    await store.watch(watched);
    expect(watched.said).toEqual([new Map(Object.entries({ a: '1', b: '2' }))]);
    await store.put('b', '4');
    await store.delete('a');
    expect((await watched.count(3)).slice(1)).toEqual([
      ['b', '4'],
      ['a', undefined],
    ]);
  });

  it('shows a watcher an empty store, too', async () => {
    const watched = new Watched();
    await store.watch(watched);
    expect(watched.said).toEqual([new Map()]);
  });

  it('tells a watcher nothing after it unsubscribed', async () => {
    const [left, stays] = [new Watched(), new Watched()];
    (await store.watch(left)).unsubscribe();
    await store.watch(stays);
    await store.put('a', '1');
    await stays.count(2);
    expect(left.said).toHaveLength(1);
  });

  it('fails with bus_unavailable while the bus is away, and shows watchers a fresh snapshot afterwards', async () => {
    await store.put('a', '1');
    const watched = new Watched();
    await store.watch(watched);
    await bus.goAway();
    await expect(store.put('a', '2')).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect(store.connected).toBe(false);
    await bus.comeBack();
    const said = await watched.count(2);
    expect(said.at(-1)).toEqual(new Map([['a', '1']]));
    expect(store.connected).toBe(true);
    await store.put('a', '3');
    expect((await watched.count(3)).at(-1)).toEqual(['a', '3']);
  }, 20_000);
});
