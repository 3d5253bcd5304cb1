import type { LaneLoad } from '../job-lanes';
import { JobClient, type JobHandle, type JobRequest } from '../client';
import { MemoryBroker, MemoryBus } from '../memory';
import { HandWorker } from './hand-worker';
import { ttsLane, ttsRequest } from './jobs';
import { RecordingListener } from './recording-listener';

/** How long jobs wait on a bench. */
export const waitBudgetMs = 8_000;

/** A gateway's client, a listener and two workers moved by hand, on a bus in memory; needs fake timers. */
export class ClientBench {
  readonly bus = new MemoryBus();
  readonly logged: string[] = [];
  readonly listener = new RecordingListener();
  readonly client = new JobClient(new MemoryBroker(this.bus), {
    gatewayId: 'gateway',
    newcomerBudgetMs: waitBudgetMs,
    log: { error: (message) => void this.logged.push(message) },
  });
  readonly first = this.worker('worker-1');
  readonly second = this.worker('worker-2');

  worker(workerId: string): HandWorker {
    return new HandWorker(new MemoryBroker(this.bus), workerId);
  }

  async submit(request: JobRequest = ttsRequest()): Promise<JobHandle> {
    const submitted = this.client.submit(request, this.listener);
    await jest.advanceTimersByTimeAsync(0);
    return submitted;
  }

  load(): Promise<LaneLoad> {
    return new MemoryBroker(this.bus).load(ttsLane);
  }
}

/** Types of what the worker was sent. */
export const typesSentTo = (worker: HandWorker): string[] => worker.received.map(({ type }) => type);
