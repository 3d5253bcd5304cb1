import { encodeFrame, subjects } from '@app/protocol';
import { MemoryBroker, MemoryBus } from './memory';
import { Presence } from './presence';
import { sttLane, ttsLane } from './testing/jobs';

describe('Presence', () => {
  let bus: MemoryBus;
  let broker: MemoryBroker;
  let presence: Presence;
  let clockStepMs = 0;
  const active = { a: 2 };
  const pass = (timeMs: number): Promise<void> => jest.advanceTimersByTimeAsync(timeMs);
  const workerHeartbeat = async (workerId: string, more: { draining?: boolean } = {}): Promise<void> => {
    const { draining = false } = more;
    const heartbeat = { workerId, draining, lanes: ['tts.piper'], held: [] };
    broker.publish(subjects.workerPresence, encodeFrame(heartbeat));
    await pass(0);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    bus = new MemoryBus();
    broker = new MemoryBroker(bus);
    presence = new Presence(new MemoryBroker(bus), {
      gatewayId: 'gateway-1',
      activeByKey: () => active,
      now: () => performance.now() + clockStepMs,
    });
    presence.start();
  });
  afterEach(() => {
    presence.stop();
    jest.useRealTimers();
  });

  it('knows nothing of a lane before the first heartbeat', () => {
    expect(presence.lane(ttsLane)).toEqual({ workers: 0 });
  });

  it('counts the workers of a lane', async () => {
    for (const workerId of ['w1', 'w2', 'w3']) await workerHeartbeat(workerId);
    expect(presence.lane(ttsLane)).toEqual({ workers: 3 });
    expect(presence.lane(sttLane).workers).toBe(0);
  });

  it('believes the latest heartbeat of a worker', async () => {
    await workerHeartbeat('w1', { draining: true });
    await workerHeartbeat('w1');
    expect(presence.lane(ttsLane)).toEqual({ workers: 1 });
  });

  it('leaves out workers that drain, and those that missed three heartbeats', async () => {
    await workerHeartbeat('w1');
    await workerHeartbeat('w2', { draining: true });
    expect(presence.lane(ttsLane).workers).toBe(1);
    await pass(3_000);
    expect(presence.lane(ttsLane).workers).toBe(1);
    await pass(1);
    expect(presence.lane(ttsLane).workers).toBe(0);
  });

  it('takes nobody for dead because its clock stepped, or its process stood still for a while', async () => {
    await workerHeartbeat('w1');
    await pass(500);
    clockStepMs += 4_000;
    expect(presence.lane(ttsLane).workers).toBe(1);
    await pass(600);
    expect(presence.lane(ttsLane).workers).toBe(1);
    await workerHeartbeat('w1');
    await pass(2_000);
    expect(presence.lane(ttsLane).workers).toBe(1);
  });

  it('counts what a key has open at other gateways, until they fall silent', async () => {
    const other = new Presence(new MemoryBroker(bus), { gatewayId: 'gateway-2', activeByKey: () => ({ a: 3, b: 1 }) });
    other.start();
    const third = new Presence(new MemoryBroker(bus), { gatewayId: 'gateway-3', activeByKey: () => ({ a: 1 }) });
    third.start();
    await pass(0);
    expect([presence, other].map((seen) => seen.activeElsewhere('a'))).toEqual([4, 1]);
    await pass(1_000);
    expect(other.activeElsewhere('a')).toBe(3);
    third.stop();
    await pass(3_500);
    expect(presence.activeElsewhere('a')).toBe(3);
    expect(presence.activeElsewhere('toString')).toBe(0);
    other.stop();
  });

  it('ignores what is no heartbeat', async () => {
    broker.publish(subjects.workerPresence, Buffer.from('?'));
    broker.publish(subjects.workerPresence, encodeFrame({ workerId: 'w1' }));
    await pass(0);
    expect(presence.lane(ttsLane).workers).toBe(0);
  });
});
