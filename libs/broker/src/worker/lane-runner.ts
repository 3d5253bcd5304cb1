import {
  encodeFrame,
  heartbeatIntervalMs,
  InputEnvelope,
  laneClasses,
  laneName,
  ProblemError,
  subjects,
  type JobKind,
  type Lane,
  type WorkerHeartbeat,
} from '@app/protocol';
import type { Broker, Delivery } from '../broker';
import type { JobHandler } from '../job-context';
import type { JobLog } from '../job-log';
import { monotonicMs } from '../judging-rounds';
import { readFrame } from '../wire';
import { GatewayWatch } from './gateway-watch';
import { HeldJob, type HeldJobHost } from './held-job';
import { readAddress } from './job-codec';
import { LaneSeats } from './lane-seats';
import type { DeliveredJob, EndedJob, JobTaker, SeatedJob, ServedLane, WorkerObserver } from './worker-contract';

/** The options of a worker. */
export interface LaneRunnerOptions {
  readonly broker: Broker;
  /** Unique for each process. A reused id would be taken for the worker that died. */
  readonly workerId: string;
  readonly lanes: readonly ServedLane[];
  /** Whether it pulls the jobs of its lanes or only takes jobs by request. Default: it pulls. */
  readonly pulls?: boolean;
  readonly handlers: Readonly<Partial<Record<JobKind, JobHandler>>>;
  readonly observer?: WorkerObserver;
  readonly log?: JobLog;
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

const keepAliveIntervalMs = 500;
/** Time limit of the hand-backs at the end of a drain, in milliseconds. */
const handBackTimeoutMs = 2_000;

const draining = (): ProblemError => new ProblemError('draining', { retryAfterSeconds: 1 });

/** `starting`: it receives messages and takes no jobs yet. `draining`: it takes no more jobs. */
type State = 'made' | 'starting' | 'serving' | 'draining';

/**
 * A worker. It pulls jobs of its lanes while seats are free, or takes them by request, and runs each from claim to
 * verdict.
 */
export class LaneRunner implements HeldJobHost, JobTaker {
  readonly broker: Broker;
  readonly workerId: string;
  readonly now: () => number;
  readonly log: JobLog | undefined;
  readonly gateways: GatewayWatch;
  private state: State = 'made';
  private readonly lanes: ReadonlyMap<string, LaneSeats>;
  private readonly held = new Set<HeldJob>();
  /** Functions that undo `start`. */
  private releases: (() => void)[] = [];
  private onIdle: (() => void) | undefined;

  constructor(private readonly options: LaneRunnerOptions) {
    this.broker = options.broker;
    this.workerId = options.workerId;
    this.now = options.now ?? monotonicMs;
    this.log = options.log;
    this.gateways = new GatewayWatch(this.now);
    this.lanes = new Map(options.lanes.map((served) => [laneName(served.lane), new LaneSeats(served)]));
  }

  /** Creates its lanes and starts pulling or taking jobs. */
  async start(): Promise<void> {
    this.state = 'starting';
    this.gateways.listens();
    const subscriptions = [
      this.broker.subscribe(subjects.worker(this.workerId), (payload, subject) =>
        this.onSessionFrame(payload, subject),
      ),
      this.broker.subscribe(subjects.gatewayPresence, (payload) => this.gateways.heard(payload)),
      this.broker.onConnectionChange((connected) => connected && this.gateways.listens()),
    ];
    this.releases = subscriptions.map((subscription) => () => subscription.unsubscribe());
    await this.broker.flush();
    if (this.options.pulls ?? true) for (const seats of this.lanes.values()) await this.pull(seats);
    this.state = 'serving';
    const timers = [
      setInterval(() => this.keepAlive(), keepAliveIntervalMs),
      setInterval(() => this.onHeartbeatTime(), heartbeatIntervalMs),
    ];
    this.releases.push(...timers.map((timer) => () => clearInterval(timer)));
    this.sendHeartbeat();
  }

  async take({ lane, jobClass, delivery }: DeliveredJob, gone: AbortSignal): Promise<SeatedJob> {
    const seats = this.lanes.get(laneName(lane));
    if (!seats) throw new ProblemError('not_found', { detail: 'The lane is not served here.' });
    if (this.isDraining()) throw draining();
    if (this.state !== 'serving') throw new ProblemError('worker_unavailable', { retryAfterSeconds: 1 });
    await seats.take(jobClass, gone);
    if (this.isDraining()) {
      seats.free();
      throw draining();
    }
    return this.seat(seats, delivery) ?? { handBack: () => undefined };
  }

  busySeats(lane: Lane): number {
    return this.lanes.get(laneName(lane))?.busySeats ?? 0;
  }

  /**
   * Takes no more jobs and waits for the held ones. After the drain time, hands the rest back. Then ends all
   * subscriptions.
   */
  async stop(drainTimeoutMs: number): Promise<void> {
    if (this.isDraining()) return;
    this.state = 'draining';
    this.sendHeartbeat();
    await Promise.all([...this.lanes.values()].map((seats) => seats.close(draining())));
    for (const job of this.held) job.drain();
    await this.idleWithin(drainTimeoutMs);
    for (const job of [...this.held]) job.handBack();
    await this.idleWithin(handBackTimeoutMs);
    this.sendHeartbeat();
    for (const release of this.releases) release();
    if (this.broker.connected) await this.broker.flush().catch(() => undefined);
  }

  /** For held jobs. */
  handlerOf(lane: Lane): JobHandler {
    const handler = this.options.handlers[lane.kind];
    if (!handler) throw new RangeError(`no handler for jobs of kind ${lane.kind}`);
    return handler;
  }

  /** For held jobs. */
  claimed(lane: Lane, waitedMs: number): void {
    this.options.observer?.claimGranted?.(lane, waitedMs);
  }

  /** For held jobs. */
  seatFreed({ lane }: HeldJob): void {
    this.options.observer?.seatFreed?.(lane);
    this.lanes.get(laneName(lane))?.free();
  }

  /** For held jobs. */
  over(job: HeldJob, ended: EndedJob | undefined): void {
    this.held.delete(job);
    if (ended) this.options.observer?.jobEnded?.(ended);
    else this.options.observer?.claimRefused?.(job.lane);
    if (this.held.size === 0) this.onIdle?.();
  }

  private async pull(seats: LaneSeats): Promise<void> {
    const { lane } = seats.served;
    const sources = [];
    for (const jobClass of laneClasses(lane)) sources.push(await this.broker.openSource(lane, jobClass));
    seats.pull(sources, (delivery) => void this.seat(seats, delivery));
  }

  /**
   * Starts a job on a seat that is already counted. Returns undefined for a message that is not a job, which is
   * terminated.
   */
  private seat(seats: LaneSeats, delivery: Delivery): HeldJob | undefined {
    const { lane } = seats.served;
    const address = readAddress(delivery.payload);
    if (!address) {
      this.log?.error('message in a lane is no job', { lane: laneName(lane), sequence: delivery.sequence });
      delivery.term();
      seats.free();
      return undefined;
    }
    const job = new HeldJob(this, lane, address, delivery);
    this.held.add(job);
    this.options.observer?.seatTaken?.(lane);
    void job.start();
    return job;
  }

  private onSessionFrame(payload: Uint8Array, subject: string): void {
    const frame = readFrame(InputEnvelope, payload);
    const jobId = subject.split('.').at(-2);
    if (!frame) return;
    for (const job of [...this.held]) if (job.address.jobId === jobId) job.receive(frame.header, frame.body);
  }

  private keepAlive(): void {
    for (const job of this.held) job.keepAlive();
  }

  private onHeartbeatTime(): void {
    this.sendHeartbeat();
    const mayJudge = this.gateways.beginRound();
    if (mayJudge && this.broker.connected) for (const job of [...this.held]) job.judgeGateway();
  }

  private sendHeartbeat(): void {
    const heartbeat: WorkerHeartbeat = {
      workerId: this.workerId,
      draining: this.isDraining(),
      lanes: [...this.lanes.keys()],
      held: [...this.held].flatMap((job) => job.held ?? []),
    };
    try {
      this.broker.publish(subjects.workerPresence, encodeFrame(heartbeat));
    } catch {
      // Nobody can receive it without NATS.
    }
  }

  private isDraining(): boolean {
    return this.state === 'draining';
  }

  private idleWithin(timeoutMs: number): Promise<void> {
    if (this.held.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
