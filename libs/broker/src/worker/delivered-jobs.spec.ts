import { encodeFrame, ProblemError } from '@app/protocol';
import type { Delivery } from '../broker';
import { MemoryBroker, MemoryBus } from '../memory';
import { sttLane, ttsLane } from '../testing/jobs';
import { LaneRunner } from './lane-runner';

/** A delivery whose verdicts are written down. */
class RecordedDelivery implements Delivery {
  readonly payload: Uint8Array;
  readonly sequence = 1;
  readonly headers = {};
  readonly said: string[] = [];

  constructor(jobId = 'job') {
    this.payload = encodeFrame({ jobId, gatewayId: 'gateway' });
  }

  ack = (): void => void this.said.push('ack');
  nak = (): void => void this.said.push('nak');
  term = (): void => void this.said.push('term');
  leave = (): void => void this.said.push('left');
  working = (): void => undefined;
}

describe('LaneRunner, jobs delivered by request', () => {
  const stays = new AbortController().signal;
  let runner: LaneRunner;
  let bus: MemoryBus;
  let outcomes: string[];

  const take = (
    delivery = new RecordedDelivery(),
    jobClass = 'first',
    lane = ttsLane,
    gone = stays,
  ): Promise<unknown> => runner.take({ lane, jobClass, delivery }, gone);
  const watched = (name: string, taken: Promise<unknown>): void =>
    void taken.then(
      () => outcomes.push(`${name} seated`),
      (error: unknown) => outcomes.push(`${name} ${(error as ProblemError).code}`),
    );
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  beforeEach(async () => {
    [bus, outcomes] = [new MemoryBus(), []];
    runner = new LaneRunner({
      broker: new MemoryBroker(bus),
      workerId: 'worker',
      pulls: false,
      lanes: [{ lane: ttsLane, seats: 2 }],
      handlers: {},
    });
    // Nobody answers: a claim stays open, and its job keeps the seat.
    bus.subscribe('antiphon.session.>', () => undefined);
    await runner.start();
  });
  afterEach(async () => {
    await runner.stop(0);
    bus.stop();
  });

  it('get a seat at once while one is free, and then in the order of their classes', async () => {
    const first = await runner.take({ lane: ttsLane, jobClass: 'rest', delivery: new RecordedDelivery('a') }, stays);
    await take(new RecordedDelivery('b'), 'rest');
    watched('rest', take(new RecordedDelivery('c'), 'rest'));
    watched('first', take(new RecordedDelivery('d'), 'first'));
    await turns();
    expect([outcomes, runner.busySeats(ttsLane)]).toEqual([[], 2]);
    first.handBack();
    await turns();
    expect([outcomes, runner.busySeats(ttsLane)]).toEqual([['first seated'], 2]);
  });

  it('are handed back without a claim, and leave', async () => {
    const delivery = new RecordedDelivery();
    const job = (await take(delivery)) as { handBack(): void };
    job.handBack();
    expect(delivery.said).toEqual(['nak', 'left']);
    expect(runner.busySeats(ttsLane)).toBe(0);
  });

  it('of another lane or class are refused', async () => {
    watched('lane', take(new RecordedDelivery(), 'open', sttLane));
    watched('class', take(new RecordedDelivery(), 'second'));
    await turns();
    expect(outcomes).toEqual(['lane not_found', 'class not_found']);
  });

  it('are refused at a drain, those that wait too', async () => {
    await take(new RecordedDelivery('a'));
    await take(new RecordedDelivery('b'));
    watched('waiting', take(new RecordedDelivery('c')));
    const stopped = runner.stop(0);
    watched('late', take(new RecordedDelivery('d')));
    await stopped;
    expect(outcomes.sort()).toEqual(['late draining', 'waiting draining']);
    expect(runner.busySeats(ttsLane)).toBe(0);
  });

  it('that are none are ended, and take no seat', async () => {
    const delivery = Object.assign(new RecordedDelivery(), { payload: Buffer.from('no job') });
    const job = (await take(delivery)) as { handBack(): void };
    job.handBack();
    expect(delivery.said).toEqual(['term']);
    expect(runner.busySeats(ttsLane)).toBe(0);
  });

  it('are the only ones: nothing is pulled, and no lane is made on the bus', async () => {
    const gateway = new MemoryBroker(bus);
    await gateway.publishJob(ttsLane, 'first', new RecordedDelivery().payload, 60_000);
    await turns();
    expect(await gateway.load(ttsLane)).toEqual({ waiting: 1, running: 0 });
  });
});
