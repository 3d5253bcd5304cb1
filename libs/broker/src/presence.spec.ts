import { encodeFrame, subjects } from '@app/protocol';
import { MemoryBroker, MemoryBus } from './memory';
import { Presence } from './presence';
import { sttLane, ttsLane } from './testing/jobs';

describe('Presence', () => {
  let bus: MemoryBus;
  let broker: MemoryBroker;
  let presence: Presence;
  const active = { a: 2 };
  const pass = (timeMs: number): Promise<void> => jest.advanceTimersByTimeAsync(timeMs);
  const workerBeat = async (
    workerId: string,
    busySeats: number,
    more: { draining?: boolean; voices?: string[]; realTimeFactor?: number } = {},
  ): Promise<void> => {
    const { draining = false, voices = [], realTimeFactor = 0 } = more;
    const lane = { lane: 'tts.piper', seats: 8, busySeats, voices, realTimeFactor };
    const beat = { workerId, version: '1', draining, lanes: [lane], held: [] };
    broker.publish(subjects.workerPresence, encodeFrame(beat));
    await pass(0);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    bus = new MemoryBus();
    broker = new MemoryBroker(bus);
    presence = new Presence(new MemoryBroker(bus), { gatewayId: 'gateway-1', activeByKey: () => active });
    presence.start();
  });
  afterEach(() => {
    presence.stop();
    jest.useRealTimers();
  });

  it('knows nothing of a lane before the first beat', () => {
    expect(presence.lane(ttsLane)).toEqual({
      workers: 0,
      seats: 0,
      busySeats: 0,
      voices: new Set(),
      realTimeFactor: 0,
    });
  });

  it('sums up the workers of a lane', async () => {
    await workerBeat('w1', 3, { voices: ['joe'], realTimeFactor: 0.1 });
    await workerBeat('w2', 8, { voices: ['joe', 'amy'], realTimeFactor: 0.3 });
    await workerBeat('w3', 0);
    const facts = presence.lane(ttsLane);
    expect(facts).toMatchObject({ workers: 3, seats: 24, busySeats: 11, voices: new Set(['joe', 'amy']) });
    expect(facts.realTimeFactor).toBeCloseTo(0.2);
    expect(presence.lane(sttLane).workers).toBe(0);
  });

  it('believes the latest beat of a worker', async () => {
    await workerBeat('w1', 3);
    await workerBeat('w1', 5);
    expect(presence.lane(ttsLane)).toMatchObject({ workers: 1, busySeats: 5 });
  });

  it('leaves out workers that drain, and those that missed three beats', async () => {
    await workerBeat('w1', 1);
    await workerBeat('w2', 1, { draining: true });
    expect(presence.lane(ttsLane).workers).toBe(1);
    await pass(3_000);
    expect(presence.lane(ttsLane).workers).toBe(1);
    await pass(1);
    expect(presence.lane(ttsLane).workers).toBe(0);
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

  it('ignores what is no beat', async () => {
    broker.publish(subjects.workerPresence, Buffer.from('?'));
    broker.publish(subjects.workerPresence, encodeFrame({ workerId: 'w1' }));
    await pass(0);
    expect(presence.lane(ttsLane).workers).toBe(0);
  });
});
