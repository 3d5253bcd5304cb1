import { Injectable, type OnModuleInit, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { authorizeBucketsSeconds, stageBucketsSeconds } from '@app/platform';
import {
  firstAudioBucketsSeconds,
  overheadBucketsSeconds,
  queueWaitBucketsSeconds,
  wakeBucketsSeconds,
} from './buckets';
import { licenseProxyMetrics } from './license-proxy-metrics';
import { functionGraph, type JobKind } from '@app/protocol';

const firstAudio = {
  name: 'antiphon_time_to_first_audio_seconds',
  help: 'Time from the first text that can be spoken to the first audio sent to the client, in seconds.',
  labelNames: ['model'] as const,
  buckets: firstAudioBucketsSeconds,
};
const overhead = {
  name: 'antiphon_overhead_seconds',
  help: 'Part of the time to first audio that was spent outside the worker (gateway, license, NATS), in seconds. Only requests whose text arrived complete are counted.',
  labelNames: ['model'] as const,
  buckets: overheadBucketsSeconds,
};
const transcription = {
  name: 'antiphon_transcription_latency_seconds',
  help: 'Time from the last sample of an STT stream to its last final transcript, in seconds.',
  labelNames: ['model'] as const,
  buckets: stageBucketsSeconds,
};
const queueWait = {
  name: 'antiphon_queue_wait_seconds',
  help: 'Time from the publication of a job to its claim by a worker, in seconds.',
  labelNames: ['lane'] as const,
  buckets: queueWaitBucketsSeconds,
};
const stage = {
  name: 'antiphon_stage_seconds',
  help: 'Time that a job spent in each stage, in seconds.',
  labelNames: ['stage', 'lane'] as const,
  buckets: stageBucketsSeconds,
};
const authorize = {
  name: 'antiphon_authorize_seconds',
  help: 'Time until a request was authorised or refused, in seconds. Outcome kept: an earlier grant was used because the license app did not answer.',
  labelNames: ['outcome'] as const,
  buckets: authorizeBucketsSeconds,
};
const terminal = {
  name: 'antiphon_terminal_events_total',
  help: 'Contexts, STT streams and requests of other functions that ended, by outcome. Each has exactly one terminal event.',
  labelNames: ['kind', 'outcome'] as const,
};
const audio = {
  name: 'antiphon_audio_seconds_total',
  help: 'Seconds of audio sent to clients (tts) or received from them (stt).',
  labelNames: ['kind', 'model'] as const,
};
const active = {
  name: 'antiphon_active_requests',
  help: 'Open contexts (tts), STT streams (stt) and requests of other functions, by job kind.',
  labelNames: ['kind'] as const,
};
const lag = {
  name: 'antiphon_lane_jobs',
  help: 'Jobs of a lane by state. Waiting plus running is the lag of the lane.',
  labelNames: ['lane', 'state'] as const,
};
const workers = {
  name: 'antiphon_lane_workers',
  help: 'Workers of a lane that are alive and not draining, according to the heartbeats that this gateway receives.',
  labelNames: ['lane'] as const,
};
const waitBudget = {
  name: 'antiphon_lane_wait_budget_seconds',
  help: 'Time that a new job of a lane may wait for a worker before it is refused, in seconds.',
  labelNames: ['lane'] as const,
};
const wake = {
  name: 'antiphon_lane_wake_seconds',
  help: 'Cold start of a lane: time from a job that waits without any worker until a worker is alive, in seconds.',
  labelNames: ['lane'] as const,
  buckets: wakeBucketsSeconds,
};
const queueSize = { name: 'api_queue_size', help: 'Jobs that wait for a worker.', labelNames: ['offering'] as const };
const unserviceable = {
  name: 'api_unserviceable_requests_size',
  help: 'Jobs that wait on a lane without any worker.',
  labelNames: ['offering'] as const,
};

/** A part of a job's time. `bus` is the time outside the worker. */
export type Stage = 'frontend' | 'seat_wait' | 'encode' | 'decode' | 'bus';

const outcomes = ['done', 'error', 'cancelled'] as const;

/** How a context, an STT stream or a request of another function ended. */
export type Outcome = (typeof outcomes)[number];

/** The latest known load of a lane. */
export interface LaneLoad {
  readonly waiting: number;
  readonly running: number;
  /** Workers that are alive and not draining. */
  readonly workers: number;
}

const jobKinds: readonly JobKind[] = functionGraph.map(({ kind }) => kind);

/** The metrics of the gateway. Times are passed in milliseconds and exported in seconds. */
@Injectable()
export class GatewayMetrics implements OnModuleInit {
  @InjectMetric(firstAudio.name) private readonly firstAudio!: Histogram<'model'>;
  @InjectMetric(overhead.name) private readonly overheads!: Histogram<'model'>;
  @InjectMetric(transcription.name) private readonly transcription!: Histogram<'model'>;
  @InjectMetric(queueWait.name) private readonly queueWait!: Histogram<'lane'>;
  @InjectMetric(stage.name) private readonly stages!: Histogram<'stage' | 'lane'>;
  @InjectMetric(authorize.name) private readonly authorizations!: Histogram<'outcome'>;
  @InjectMetric(terminal.name) private readonly terminals!: Counter<'kind' | 'outcome'>;
  @InjectMetric(audio.name) private readonly audio!: Counter<'kind' | 'model'>;
  @InjectMetric(active.name) private readonly activeRequests!: Gauge<'kind'>;
  @InjectMetric(lag.name) private readonly lag!: Gauge<'lane' | 'state'>;
  @InjectMetric(workers.name) private readonly workers!: Gauge<'lane'>;
  @InjectMetric(waitBudget.name) private readonly waitBudgets!: Gauge<'lane'>;
  @InjectMetric(wake.name) private readonly wakes!: Histogram<'lane'>;
  @InjectMetric(queueSize.name) private readonly queueSize!: Gauge<'offering'>;
  @InjectMetric(unserviceable.name) private readonly unserviceable!: Gauge<'offering'>;

  /** Exports every counter as 0 at start, so that `rate()` sees the first event. */
  onModuleInit(): void {
    for (const kind of jobKinds) {
      this.activeRequests.inc({ kind }, 0);
      for (const outcome of outcomes) this.terminals.inc({ kind, outcome }, 0);
    }
    for (const outcome of ['granted', 'kept', 'license_unavailable']) this.authorizations.zero({ outcome });
  }

  timeToFirstAudio(model: string, durationMs: number): void {
    this.firstAudio.observe({ model }, durationMs / 1000);
  }

  overhead(model: string, durationMs: number): void {
    this.overheads.observe({ model }, durationMs / 1000);
  }

  transcriptionLatency(model: string, durationMs: number): void {
    this.transcription.observe({ model }, durationMs / 1000);
  }

  waitedInQueue(lane: string, durationMs: number): void {
    this.queueWait.observe({ lane }, durationMs / 1000);
  }

  stage(name: Stage, lane: string, durationMs: number): void {
    this.stages.observe({ stage: name, lane }, durationMs / 1000);
  }

  /** `outcome` is `granted`, `kept` if an earlier grant was used again, or the code of the problem. */
  authorized(outcome: string, durationMs: number): void {
    this.authorizations.observe({ outcome }, durationMs / 1000);
  }

  opened(kind: JobKind): void {
    this.activeRequests.inc({ kind });
  }

  /** Counts the one terminal event of a context, an STT stream or a request of another function. */
  ended(kind: JobKind, outcome: Outcome): void {
    this.activeRequests.dec({ kind });
    this.terminals.inc({ kind, outcome });
  }

  audioPassed(kind: JobKind, model: string, durationMs: number): void {
    this.audio.inc({ kind, model }, durationMs / 1000);
  }

  /** Call this once for each lane, before its first job. */
  laneBudget(lane: string, budgetMs: number): void {
    for (const waits of [this.queueWait, this.wakes]) waits.zero({ lane });
    this.waitBudgets.set({ lane }, budgetMs / 1000);
  }

  laneWoke(lane: string, durationMs: number): void {
    this.wakes.observe({ lane }, durationMs / 1000);
  }

  laneLoad(lane: string, load: LaneLoad): void {
    this.workers.set({ lane }, load.workers);
    this.lag.set({ lane, state: 'waiting' }, load.waiting);
    this.lag.set({ lane, state: 'running' }, load.running);
    this.queueSize.set({ offering: lane }, load.waiting);
    this.unserviceable.set({ offering: lane }, load.workers > 0 ? 0 : load.waiting);
  }
}

/** For the gateway's PlatformModule. */
export const gatewayMetrics: readonly Provider[] = [
  GatewayMetrics,
  ...licenseProxyMetrics,
  ...[firstAudio, overhead, transcription, queueWait, stage, authorize, wake].map(makeHistogramProvider),
  ...[terminal, audio].map(makeCounterProvider),
  ...[active, lag, workers, waitBudget, queueSize, unserviceable].map(makeGaugeProvider),
];
