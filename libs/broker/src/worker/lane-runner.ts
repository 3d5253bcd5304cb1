import {
  beatIntervalMs,
  encodeFrame,
  GatewayBeat,
  InputEnvelope,
  laneClasses,
  laneName,
  missedBeats,
  ProblemError,
  productVersion,
  subjects,
  type JobKind,
  type Lane,
  type WorkerBeat,
} from '@app/protocol';
import type { Broker, Delivery, Subscription } from '../broker';
import type { JobHandler } from '../job-context';
import type { JobLog } from '../job-log';
import { readFrame } from '../wire';
import { HeldJob, type HeldJobHost } from './held-job';
import { readAddress } from './job-codec';
import { LanePuller } from './lane-puller';
import { WaitingJobs } from './waiting-jobs';
import type { BroughtJob, JobOutcome, JobTaker, SeatedJob, ServedLane, WorkerObserver } from './worker-contract';

/** What a worker serves, and how. */
export interface LaneRunnerOptions {
  readonly broker: Broker;
  /** Unique per process: an id that comes back would pass for the worker that died. */
  readonly workerId: string;
  readonly lanes: readonly ServedLane[];
  /** Whether it pulls the jobs of its lanes, which is the default, or waits for them to be brought. */
  readonly pulls?: boolean;
  readonly handlers: Readonly<Partial<Record<JobKind, JobHandler>>>;
  readonly observer?: WorkerObserver;
  readonly log?: JobLog;
  readonly now?: () => number;
}

const keepAliveIntervalMs = 500;
const gatewayDeadAfterMs = beatIntervalMs * missedBeats;
/** How long the hand-backs at the end of a drain may take. */
const handBackTimeoutMs = 2_000;

/** Most jobs that wait for a seat of a lane: as many as queue-proxy lets wait before a container. */
const waitingPerSeat = 10;

interface LaneState {
  readonly served: ServedLane;
  puller: LanePuller | undefined;
  readonly waiting: WaitingJobs;
  busySeats: number;
}

const draining = (): ProblemError => new ProblemError('draining', { retryAfterSeconds: 1 });

/** A worker: pulls jobs of its lanes while seats are free, or is brought them, and brings each from claim to verdict. */
export class LaneRunner implements HeldJobHost, JobTaker {
  readonly broker: Broker;
  readonly workerId: string;
  readonly now: () => number;
  readonly log: JobLog | undefined;
  private readonly lanes: ReadonlyMap<string, LaneState>;
  private readonly held = new Set<HeldJob>();
  private readonly gatewayBeats = new Map<string, number>();
  private timers: NodeJS.Timeout[] = [];
  private subscriptions: Subscription[] = [];
  private reconnectedAt = 0;
  private started = false;
  private isDraining = false;
  private onIdle: (() => void) | undefined;

  constructor(private readonly options: LaneRunnerOptions) {
    this.broker = options.broker;
    this.workerId = options.workerId;
    this.now = options.now ?? Date.now;
    this.log = options.log;
    this.lanes = new Map(
      options.lanes.map((served) => [
        laneName(served.lane),
        { served, puller: undefined, waiting: new WaitingJobs(served.seats * waitingPerSeat), busySeats: 0 },
      ]),
    );
  }

  /** Makes its lanes and begins to pull, or to take. */
  async start(): Promise<void> {
    this.reconnectedAt = this.now();
    this.subscriptions = [
      this.broker.subscribe(subjects.worker(this.workerId), (payload, subject) =>
        this.onSessionFrame(payload, subject),
      ),
      this.broker.subscribe(subjects.gatewayPresence, (payload) => this.onGatewayBeat(payload)),
      this.broker.onConnectionChange((connected) => {
        if (connected) this.reconnectedAt = this.now();
      }),
    ];
    await this.broker.flush();
    if (this.options.pulls ?? true) for (const state of this.lanes.values()) await this.open(state);
    this.started = true;
    this.timers = [
      setInterval(() => this.keepAlive(), keepAliveIntervalMs),
      setInterval(() => this.onBeatTime(), beatIntervalMs),
    ];
    this.beat();
  }

  async take({ lane, jobClass, delivery }: BroughtJob, gone: AbortSignal): Promise<SeatedJob> {
    const state = this.lanes.get(laneName(lane));
    const rank = laneClasses(lane).indexOf(jobClass);
    if (!state || rank < 0)
      throw new ProblemError('not_found', { detail: 'The lane or its class is not served here.' });
    if (this.isDraining) throw draining();
    if (!this.started) throw new ProblemError('worker_unavailable', { retryAfterSeconds: 1 });
    if (state.busySeats < state.served.seats) state.busySeats += 1;
    else await state.waiting.wait(rank, gone);
    if (this.isDraining) {
      this.freeSeat(state);
      throw draining();
    }
    return this.seat(state, delivery) ?? { handBack: () => undefined };
  }

  /** Jobs held: running, or waiting for their last word. */
  get heldJobs(): number {
    return this.held.size;
  }

  busySeats(lane: Lane): number {
    return this.lanes.get(laneName(lane))?.busySeats ?? 0;
  }

  /** Takes no more jobs, lets those held end within the time, hands back the rest, and leaves the bus in order. */
  async stop(drainTimeoutMs: number): Promise<void> {
    if (this.isDraining) return;
    this.isDraining = true;
    this.beat();
    for (const { waiting } of this.lanes.values()) {
      waiting.refuseAll(draining());
    }
    await Promise.all([...this.lanes.values()].map(async (state) => state.puller?.stop()));
    for (const job of this.held) job.drain();
    await this.idleWithin(drainTimeoutMs);
    for (const job of [...this.held]) job.handBack();
    await this.idleWithin(handBackTimeoutMs);
    this.beat();
    for (const timer of this.timers) clearInterval(timer);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    if (this.broker.connected) await this.broker.flush().catch(() => undefined);
  }

  /** For held jobs. */
  handlerOf(lane: Lane): JobHandler {
    const handler = this.options.handlers[lane.kind];
    if (!handler) throw new RangeError(`no handler for jobs of kind ${lane.kind}`);
    return handler;
  }

  /** For held jobs. */
  isGatewayAlive(gatewayId: string): boolean {
    return this.now() - (this.gatewayBeats.get(gatewayId) ?? -Infinity) <= gatewayDeadAfterMs;
  }

  /** For held jobs. */
  claimed(job: HeldJob, waitedMs: number): void {
    this.options.observer?.claimGranted?.(job.lane, waitedMs);
  }

  /** For held jobs. */
  seatFreed(job: HeldJob): void {
    const state = this.stateOf(job.lane);
    this.options.observer?.seatFreed?.(job.lane);
    this.freeSeat(state);
  }

  /** For held jobs. */
  over(job: HeldJob, outcome: JobOutcome): void {
    this.held.delete(job);
    const { lane, attempt, runMs } = job;
    if (attempt === 0) {
      this.options.observer?.claimRefused?.(lane);
    } else {
      const { jobId } = job.address;
      this.options.observer?.jobEnded?.({
        lane,
        kind: lane.kind,
        jobId,
        attempt,
        outcome,
        waitMs: job.waitedMs,
        runMs,
      });
    }
    if (this.held.size === 0) this.onIdle?.();
  }

  private async open(state: LaneState): Promise<void> {
    const { lane, seats } = state.served;
    const sources = [];
    for (const jobClass of laneClasses(lane)) sources.push(await this.broker.openSource(lane, jobClass));
    state.puller = new LanePuller(sources, {
      freeSeats: () => seats - state.busySeats,
      take: (delivery) => {
        state.busySeats += 1;
        this.seat(state, delivery);
      },
    });
    state.puller.start();
  }

  /** On a seat that is counted already. Undefined for a message that is no job, which is ended. */
  private seat(state: LaneState, delivery: Delivery): HeldJob | undefined {
    const { lane } = state.served;
    const address = readAddress(delivery.payload);
    if (!address) {
      this.log?.error('message in a lane is no job', { lane: laneName(lane), sequence: delivery.sequence });
      delivery.term();
      this.freeSeat(state);
      return undefined;
    }
    const job = new HeldJob(this, lane, address, delivery);
    this.held.add(job);
    this.options.observer?.seatTaken?.(lane);
    void job.start();
    return job;
  }

  /** For the next one who waits for it. */
  private freeSeat(state: LaneState): void {
    if (state.waiting.seatNext()) return;
    state.busySeats -= 1;
    state.puller?.seatFreed();
  }

  private stateOf(lane: Lane): LaneState {
    const state = this.lanes.get(laneName(lane));
    if (!state) throw new RangeError(`lane ${laneName(lane)} is not served`);
    return state;
  }

  private onSessionFrame(payload: Uint8Array, subject: string): void {
    const frame = readFrame(InputEnvelope, payload, 'input');
    const jobId = subject.split('.').at(-2);
    if (!frame) return;
    for (const job of [...this.held]) if (job.address.jobId === jobId) job.receive(frame.header, frame.body);
  }

  private onGatewayBeat(payload: Uint8Array): void {
    const beat = readFrame(GatewayBeat, payload)?.header;
    if (beat) this.gatewayBeats.set(beat.gatewayId, this.now());
  }

  private keepAlive(): void {
    for (const job of this.held) job.keepAlive();
  }

  private onBeatTime(): void {
    this.beat();
    if (!this.broker.connected) return;
    const now = this.now();
    for (const job of [...this.held]) {
      const beatAt = this.gatewayBeats.get(job.address.gatewayId) ?? 0;
      if (now - Math.max(beatAt, job.lastHeardAt, this.reconnectedAt) > gatewayDeadAfterMs) job.gatewayDied();
    }
    for (const [gatewayId, beatAt] of this.gatewayBeats) {
      if (now - beatAt > gatewayDeadAfterMs) this.gatewayBeats.delete(gatewayId);
    }
  }

  private beat(): void {
    const lanes = [...this.lanes.values()].map(({ served, busySeats }) => ({
      lane: laneName(served.lane),
      seats: served.seats,
      busySeats,
      voices: [...(served.voices?.() ?? [])],
      realTimeFactor: served.realTimeFactor?.() ?? 0,
    }));
    const held = [...this.held]
      .filter((job) => job.attempt > 0)
      .map(({ address, attempt, outputs }) => ({ ...address, attempt, outputs }));
    const { workerId, isDraining: draining } = this;
    const beat: WorkerBeat = { workerId, version: productVersion, draining, lanes, held };
    try {
      this.broker.publish(subjects.workerPresence, encodeFrame(beat));
    } catch {
      // Without a bus there is nobody to hear it.
    }
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
