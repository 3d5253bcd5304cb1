import { Injectable, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { stageBucketsSeconds } from '@app/platform';

/** Compute time divided by audio time. 1 is real time. */
const realTimeFactorBuckets = [0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 2];
/** Number of requests in one step of an engine. */
const occupancyBuckets = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];

const seats = {
  name: 'antiphon_seats',
  help: 'Seats of this worker for a lane: the jobs that it can run at a time.',
  labelNames: ['lane'] as const,
};
const busySeats = {
  name: 'antiphon_busy_seats',
  help: 'Seats of a lane that jobs hold.',
  labelNames: ['lane'] as const,
};
const occupancy = {
  name: 'antiphon_step_requests',
  help: 'Number of requests that one step of an engine ran together.',
  labelNames: ['engine', 'operation'] as const,
  buckets: occupancyBuckets,
};
const stepTime = {
  name: 'antiphon_step_seconds',
  help: 'Duration of one step of an engine, in seconds.',
  labelNames: ['engine', 'operation'] as const,
  buckets: stageBucketsSeconds,
};
const seatWait = {
  name: 'antiphon_seat_wait_seconds',
  help: 'Time from the claim of a job to its first step, in seconds.',
  labelNames: ['lane'] as const,
  buckets: stageBucketsSeconds,
};
const realTimeFactor = {
  name: 'antiphon_real_time_factor',
  help: 'Compute time of a job divided by the duration of its audio. Above 1 is slower than real time.',
  labelNames: ['lane'] as const,
  buckets: realTimeFactorBuckets,
};
const jobs = {
  name: 'antiphon_jobs_total',
  help: 'Jobs that ended on this worker, by outcome: done, error, cancelled or handed_back.',
  labelNames: ['lane', 'outcome'] as const,
};
const restarts = {
  name: 'antiphon_engine_restarts_total',
  help: 'Engine processes that ended unexpectedly and were started again.',
  labelNames: ['engine'] as const,
};
const load = { name: 'inferno_worker_load', help: 'Seats that jobs hold, summed over all lanes of this worker.' };
const capacity = { name: 'inferno_worker_capacity', help: 'Seats, summed over all lanes of this worker.' };
const firstAudio = { name: 'inferno_worker_ttfa', help: 'Time from claim to first audio of the last job, in seconds.' };
const factor = { name: 'inferno_worker_rtf', help: 'Real-time factor of the last job.' };

const outcomes = ['done', 'error', 'cancelled', 'handed_back'] as const;

/** How a job ended on a worker. */
export type JobOutcome = (typeof outcomes)[number];

/** The metrics of a worker. Times are passed in milliseconds and exported in seconds. */
@Injectable()
export class InferenceMetrics {
  @InjectMetric(seats.name) private readonly seatGauge!: Gauge<'lane'>;
  @InjectMetric(busySeats.name) private readonly busyGauge!: Gauge<'lane'>;
  @InjectMetric(occupancy.name) private readonly occupancy!: Histogram<'engine' | 'operation'>;
  @InjectMetric(stepTime.name) private readonly stepTimes!: Histogram<'engine' | 'operation'>;
  @InjectMetric(seatWait.name) private readonly seatWaits!: Histogram<'lane'>;
  @InjectMetric(realTimeFactor.name) private readonly factors!: Histogram<'lane'>;
  @InjectMetric(jobs.name) private readonly jobs!: Counter<'lane' | 'outcome'>;
  @InjectMetric(restarts.name) private readonly restarts!: Counter<'engine'>;
  @InjectMetric(load.name) private readonly load!: Gauge;
  @InjectMetric(capacity.name) private readonly capacity!: Gauge;
  @InjectMetric(firstAudio.name) private readonly lastFirstAudio!: Gauge;
  @InjectMetric(factor.name) private readonly lastFactor!: Gauge;

  private readonly byLane = new Map<string, { seats: number; busy: number }>();

  /** Sets the current seats of a lane. */
  seats(lane: string, total: number, busy: number): void {
    if (!this.byLane.has(lane)) this.begin(lane);
    this.byLane.set(lane, { seats: total, busy });
    this.seatGauge.set({ lane }, total);
    this.busyGauge.set({ lane }, busy);
    const lanes = [...this.byLane.values()];
    this.capacity.set(lanes.reduce((sum, each) => sum + each.seats, 0));
    this.load.set(lanes.reduce((sum, each) => sum + each.busy, 0));
  }

  /** Every counter of a lane is exported as 0 at start, so that `rate()` sees the first event. */
  private begin(lane: string): void {
    this.restarts.inc({ engine: lane }, 0);
    for (const outcome of outcomes) this.jobs.inc({ lane, outcome }, 0);
  }

  /** Records one step of an engine: its number of requests and its duration. */
  step(engine: string, operation: string, requests: number, durationMs: number): void {
    this.occupancy.observe({ engine, operation }, requests);
    this.stepTimes.observe({ engine, operation }, durationMs / 1000);
  }

  waitedForSeat(lane: string, durationMs: number): void {
    this.seatWaits.observe({ lane }, durationMs / 1000);
  }

  firstAudio(durationMs: number): void {
    this.lastFirstAudio.set(durationMs / 1000);
  }

  realTimeFactor(lane: string, value: number): void {
    this.factors.observe({ lane }, value);
    this.lastFactor.set(value);
  }

  jobEnded(lane: string, outcome: JobOutcome): void {
    this.jobs.inc({ lane, outcome });
  }

  engineRestarted(engine: string): void {
    this.restarts.inc({ engine });
  }
}

/** For the worker's PlatformModule. */
export const inferenceMetrics: readonly Provider[] = [
  InferenceMetrics,
  ...[occupancy, stepTime, seatWait, realTimeFactor].map(makeHistogramProvider),
  ...[jobs, restarts].map(makeCounterProvider),
  ...[seats, busySeats, load, capacity, firstAudio, factor].map(makeGaugeProvider),
];
