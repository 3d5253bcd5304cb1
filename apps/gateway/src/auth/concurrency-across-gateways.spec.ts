import { MemoryBroker, MemoryBus, Presence } from '@app/broker';
import { heartbeatIntervalMs } from '@app/protocol';
import { Concurrency } from './concurrency';

const limit = 4;
const grant = { keyId: 'a', validForMs: 0, maxConcurrent: limit };

let gateways: { readonly concurrency: Concurrency; readonly presence: Presence }[];

beforeEach(() => {
  jest.useFakeTimers();
  const bus = new MemoryBus();
  gateways = ['gateway-1', 'gateway-2'].map((gatewayId) => {
    const presence: Presence = new Presence(new MemoryBroker(bus), {
      gatewayId,
      activeByKey: () => concurrency.counts(),
      now: () => performance.now(),
    });
    const concurrency = new Concurrency((keyId) => presence.activeElsewhere(keyId));
    presence.start();
    return { concurrency, presence };
  });
});
afterEach(() => {
  for (const { presence } of gateways) presence.stop();
  jest.useRealTimers();
});

/** Enters as often as a gateway admits, at most twice the limit. Returns the functions that leave. */
function fill({ concurrency }: (typeof gateways)[number]): (() => void)[] {
  const leave: (() => void)[] = [];
  try {
    while (leave.length < 2 * limit) leave.push(concurrency.enter(grant));
  } catch {
    // Refused at the limit.
  }
  return leave;
}

const heartbeat = (): Promise<void> => jest.advanceTimersByTimeAsync(heartbeatIntervalMs);
const [first, second] = [() => gateways[0] as (typeof gateways)[0], () => gateways[1] as (typeof gateways)[0]];

it('holds the limit of a key over all gateways from the next heartbeat on', async () => {
  const leave = fill(first()).slice(0, 1);
  expect(first().concurrency.total).toBe(limit);
  await heartbeat();
  expect(fill(second())).toHaveLength(0);
  leave.forEach((one) => one());
  await heartbeat();
  expect(fill(second())).toHaveLength(1);
  expect(first().concurrency.total + second().concurrency.total).toBe(limit);
});

it('lets each gateway reach the limit within one heartbeat, and then nobody until the excess has ended', async () => {
  const leave = [...fill(first()), ...fill(second())];
  expect(leave).toHaveLength(2 * limit);
  await heartbeat();
  for (const gateway of gateways) expect(fill(gateway)).toHaveLength(0);
  leave.slice(0, limit).forEach((one) => one());
  await heartbeat();
  for (const gateway of gateways) expect(fill(gateway)).toHaveLength(0);
  leave[limit]?.();
  expect(fill(second())).toHaveLength(1);
});
