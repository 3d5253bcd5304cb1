import type { Lane } from '@app/protocol';
import type { LaneLoad } from '../job-lanes';
import { JobClient, type JobHandle, type JobRequest } from '../client';
import { MemoryBroker, MemoryBus, type MemoryMessage } from '../memory';
import { Presence } from '../presence';
import { LaneRunner, type EndedJob } from '../worker';
import { audio, plan, sttLane, ttsEnd, ttsLane, ttsRequest } from './jobs';
import { RecordingListener } from './recording-listener';
import { ScriptedHandler, type JobEmission } from './scripted-handlers';

/** Lets time pass, and then everything happen that needs none. */
export async function pass(timeMs: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(timeMs);
  for (let turn = 0; turn < 5; turn += 1) await jest.advanceTimersByTimeAsync(0);
}

/** 32-bit samples as a body. */
export const samples = (...values: number[]): Uint8Array => Buffer.from(Float32Array.from(values).buffer);

/** A whole utterance, output by output. */
export const utterance: readonly JobEmission[] = [
  { output: plan },
  { output: audio(0), body: samples(1, 2, 3, 4) },
  { output: audio(4), body: samples(5, 6, 7, 8) },
  { output: ttsEnd },
];

/** Whether a message on the bus is a claim, an output or an input. */
export const isA = (what: 'claim' | 'output' | 'input', message: MemoryMessage): boolean =>
  message.subject.endsWith(`.${what}`);

/** A gateway and workers with scripted handlers on a bus in memory; needs fake timers. */
export class WorkerBench {
  readonly bus = new MemoryBus();
  readonly client = new JobClient(new MemoryBroker(this.bus), { gatewayId: 'gateway' });
  readonly presence = new Presence(new MemoryBroker(this.bus), { gatewayId: 'gateway', activeByKey: () => ({}) });
  readonly handler = new ScriptedHandler();
  readonly events: string[] = [];
  /** By how much the workers' clock is ahead. */
  clockStepMs = 0;
  readonly ended: EndedJob[] = [];
  readonly logged: unknown[] = [];
  private readonly runners: LaneRunner[] = [];

  async start(): Promise<void> {
    await this.client.start();
    this.presence.start();
  }

  async stop(): Promise<void> {
    this.presence.stop();
    await this.client.close();
    for (const runner of this.runners) {
      const stopped = runner.stop(0);
      await pass(5_000);
      await stopped;
    }
  }

  async runner(workerId: string, seats: number, handler = this.handler, broker = this.broker()): Promise<LaneRunner> {
    const runner = new LaneRunner({
      broker,
      workerId,
      now: () => performance.now() + this.clockStepMs,
      lanes: [
        { lane: ttsLane, seats },
        { lane: sttLane, seats },
      ],
      handlers: { tts: handler.handle, stt: handler.handle },
      observer: {
        seatTaken: () => void this.events.push('seat taken'),
        seatFreed: () => void this.events.push('seat freed'),
        claimGranted: (_lane, waitedMs) => void this.events.push(`granted after ${waitedMs}`),
        claimRefused: () => void this.events.push('refused'),
        jobEnded: (job) => void this.ended.push(job),
      },
      log: { error: (message, fields) => void this.logged.push([message, Object.keys(fields)]) },
    });
    this.runners.push(runner);
    await runner.start();
    await pass(0);
    return runner;
  }

  async submit(
    request: JobRequest = ttsRequest(),
    listener = new RecordingListener(),
  ): Promise<{ handle: JobHandle; listener: RecordingListener }> {
    const submitted = this.client.submit(request, listener);
    await pass(0);
    return { handle: await submitted, listener };
  }

  /** From the latest run. */
  async emit(...emissions: readonly JobEmission[]): Promise<void> {
    for (const emission of emissions) this.handler.last.emit(emission);
    await pass(0);
  }

  broker(): MemoryBroker {
    return new MemoryBroker(this.bus);
  }

  load(lane: Lane = ttsLane): Promise<LaneLoad> {
    return this.broker().load(lane);
  }
}
