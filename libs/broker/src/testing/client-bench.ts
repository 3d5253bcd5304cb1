import type { LaneLoad } from '../job-lanes';
import { JobClient, type JobHandle, type JobRequest } from '../client';
import { ProblemError } from '@app/protocol';
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
  /** By how much the client's clock is ahead. */
  clockStepMs = 0;
  readonly listener = new RecordingListener();
  /** How many of the next offers are refused, and were; and how. */
  refuse = 0;
  refused = 0;
  refusal = new ProblemError('bus_unavailable');
  /** How often the bus was asked what it still has. */
  asked = 0;
  readonly client = new JobClient(this.countingBroker(), {
    gatewayId: 'gateway',
    newRequestBudgetMs: waitBudgetMs,
    now: () => performance.now() + this.clockStepMs,
    log: { error: (message) => void this.logged.push(message) },
  });
  readonly first = this.worker('worker-1');
  readonly second = this.worker('worker-2');

  /** A broker that refuses offers and counts questions. */
  private countingBroker(): MemoryBroker {
    const broker = new MemoryBroker(this.bus);
    const publishJob = broker.publishJob.bind(broker);
    const lostJobs = broker.lostJobs.bind(broker);
    return Object.assign(broker, {
      publishJob: (...job: Parameters<typeof publishJob>) => {
        if (this.refuse <= 0) return publishJob(...job);
        this.refuse -= 1;
        this.refused += 1;
        return Promise.reject(this.refusal);
      },
      lostJobs: (...jobs: Parameters<typeof lostJobs>) => {
        this.asked += 1;
        return lostJobs(...jobs);
      },
    });
  }

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
