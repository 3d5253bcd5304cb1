import {
  encodeFrame,
  InputEnvelope,
  subjects,
  TerminalAnswer,
  type ClaimGone,
  type ClaimGranted,
  type HeldAttempt,
  type Lane,
  type OutputEnvelope,
  decodeFrame,
} from '@app/protocol';
import type { Delivery, JobSource } from '../broker';
import type { JobOutput } from '../client';
import type { MemoryBroker } from '../memory';
import { readFrame } from '../wire';
import { readAddress, type JobAddress } from '../worker/job-codec';

/** A worker that does nothing by itself: a test moves each of its steps. */
export class HandWorker {
  /** What the session sent, by type: `input 0`, `cancel` … */
  readonly received: InputEnvelope[] = [];
  private readonly sources = new Map<string, JobSource>();

  constructor(
    readonly broker: MemoryBroker,
    readonly workerId: string,
  ) {
    broker.subscribe(subjects.worker(workerId), (payload) => {
      const frame = readFrame(InputEnvelope, payload);
      if (frame) this.received.push(frame.header);
    });
  }

  /** The next job of the class; undefined when none waits. */
  async pull(lane: Lane, jobClass: string): Promise<Delivery | undefined> {
    const name = `${lane.kind} ${jobClass}`;
    const source = this.sources.get(name) ?? (await this.broker.openSource(lane, jobClass));
    this.sources.set(name, source);
    const pulled = source.pull(1, 0);
    await jest.advanceTimersByTimeAsync(0);
    return (await pulled)[0];
  }

  async claim(delivery: Delivery, sequence = delivery.sequence): Promise<ClaimGranted | ClaimGone | undefined> {
    const { gatewayId, jobId } = addressOf(delivery);
    const answer = this.broker.request(
      subjects.claim(gatewayId, jobId),
      encodeFrame({ workerId: this.workerId, sequence }),
      1_000,
    );
    await jest.advanceTimersByTimeAsync(0);
    const payload = await Promise.race([answer, Promise.resolve().then(() => undefined)]);
    return payload && (decodeFrame(payload).header as ClaimGranted | ClaimGone);
  }

  /** Pulls and claims; fails the test when either brings nothing. */
  async hold(lane: Lane, jobClass: string): Promise<HeldByHand> {
    const delivery = await this.pull(lane, jobClass);
    if (!delivery) throw new Error('no job waits');
    const grant = await this.claim(delivery);
    if (!grant || 'gone' in grant) throw new Error('the claim was refused');
    return new HeldByHand(this, delivery, grant);
  }

  async sendHeartbeat(...held: readonly HeldAttempt[]): Promise<void> {
    const heartbeat = { workerId: this.workerId, draining: false, lanes: [], held };
    this.broker.publish(subjects.workerPresence, encodeFrame(heartbeat));
    await jest.advanceTimersByTimeAsync(0);
  }
}

/** A job that a test holds. */
class HeldByHand {
  readonly address: JobAddress;

  constructor(
    private readonly worker: HandWorker,
    readonly delivery: Delivery,
    readonly grant: ClaimGranted,
  ) {
    this.address = addressOf(delivery);
  }

  /** Sends outputs with these sequences. */
  async outputs(
    ...outputs: readonly (readonly [sequence: number, output: JobOutput, body?: Uint8Array])[]
  ): Promise<void> {
    for (const [sequence, output, body] of outputs) {
      this.worker.broker.publish(this.subject, this.frame({ sequence, output }, body));
    }
    await jest.advanceTimersByTimeAsync(0);
  }

  /** Sends a terminal and brings back the session's verdict. */
  async terminal(content: Omit<OutputEnvelope, 'workerId' | 'attempt'>): Promise<string | undefined> {
    const answer = this.worker.broker.request(this.subject, this.frame(content), 500);
    await jest.advanceTimersByTimeAsync(0);
    const payload = await Promise.race([answer, Promise.resolve().then(() => undefined)]);
    return payload && readFrame(TerminalAnswer, payload)?.header.verdict;
  }

  /** As it would be named in a heartbeat. */
  held(outputs: number): HeldAttempt {
    return { ...this.address, attempt: this.grant.attempt, outputs };
  }

  private frame(content: Omit<OutputEnvelope, 'workerId' | 'attempt'>, body?: Uint8Array): Uint8Array {
    return encodeFrame({ workerId: this.worker.workerId, attempt: this.grant.attempt, ...content }, body);
  }

  private get subject(): string {
    return subjects.output(this.address.gatewayId, this.address.jobId);
  }
}

function addressOf(delivery: Delivery): JobAddress {
  const address = readAddress(delivery.payload);
  if (!address) throw new Error('not a job');
  return address;
}
