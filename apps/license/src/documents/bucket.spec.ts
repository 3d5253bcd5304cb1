import { MemoryKeyValue } from '@app/broker';
import { raiseEntry } from './bucket';

const raise = (store: MemoryKeyValue, value: number): Promise<string> =>
  raiseEntry(store, 'mark', String(value), (present) => Number(present) >= value);

it.each([
  ['never existed', () => Promise.resolve()],
  ['was deleted', async (store: MemoryKeyValue) => store.delete('mark')],
  ['has a lower value', async (store: MemoryKeyValue) => store.put('mark', '2')],
])('keeps the highest of values that several processes write at once to an entry that %s', async (_, prepare) => {
  const store = new MemoryKeyValue();
  if (prepare.length > 0) await store.put('mark', '1');
  await prepare(store);
  const stored = await Promise.all([9, 5, 7].map((value) => raise(store, value)));
  expect([stored[0], await store.get('mark')]).toEqual(['9', '9']);
});

it('leaves a higher value and returns it', async () => {
  const store = new MemoryKeyValue();
  await store.put('mark', '9');
  expect(await raise(store, 5)).toBe('9');
});
