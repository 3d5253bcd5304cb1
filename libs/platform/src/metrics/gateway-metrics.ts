import { Injectable, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import type { JobKind } from '@app/protocol';
import {
  authorizeBucketsSeconds,
  firstAudioBucketsSeconds,
  overheadBucketsSeconds,
  stageBucketsSeconds,
} from './buckets';

const firstAudio = {
  name: 'antiphon_time_to_first_audio_seconds',
  help: 'From the text that can be spoken to its first audio on the wire.',
  labelNames: ['model'] as const,
  buckets: firstAudioBucketsSeconds,
};
const overhead = {
  name: 'antiphon_overhead_seconds',
  help: 'Of the time to first audio of a text that came whole, what gateway, licence and bus took.',
  labelNames: ['model'] as const,
  buckets: overheadBucketsSeconds,
};
const transcription = {
  name: 'antiphon_transcription_latency_seconds',
  help: 'From the last sample of an STT stream to its last final transcript.',
  labelNames: ['model'] as const,
  buckets: stageBucketsSeconds,
};
const queueWait = {
  name: 'antiphon_queue_wait_seconds',
  help: 'From publishing a job to the claim of a worker.',
  labelNames: ['lane'] as const,
  buckets: stageBucketsSeconds,
};
const stage = {
  name: 'antiphon_stage_seconds',
  help: 'Where the time of a job went.',
  labelNames: ['stage', 'lane'] as const,
  buckets: stageBucketsSeconds,
};
const authorize = {
  name: 'antiphon_authorize_seconds',
  help: 'Round trip to the license app.',
  labelNames: ['outcome'] as const,
  buckets: authorizeBucketsSeconds,
};
const terminal = {
  name: 'antiphon_terminal_events_total',
  help: 'Contexts and STT streams that ended; exactly one event each.',
  labelNames: ['kind', 'outcome'] as const,
};
const audio = {
  name: 'antiphon_audio_seconds_total',
  help: 'Seconds of audio sent to clients (tts) or taken from them (stt).',
  labelNames: ['kind', 'model'] as const,
};
const active = {
  name: 'antiphon_active_requests',
  help: 'Contexts (tts) and STT streams (stt) that are open.',
  labelNames: ['kind'] as const,
};
const lag = {
  name: 'antiphon_lane_jobs',
  help: 'Jobs of a lane by state; waiting and running together are its lag.',
  labelNames: ['lane', 'state'] as const,
};
const queueSize = { name: 'api_queue_size', help: 'Jobs that wait for a worker.', labelNames: ['offering'] as const };
const unserviceable = {
  name: 'api_unserviceable_requests_size',
  help: 'Jobs that wait on a lane without any worker.',
  labelNames: ['offering'] as const,
};

/** A part of a job's time. `bus` is what remains of it beside the worker's own. */
export type Stage = 'frontend' | 'seat_wait' | 'encode' | 'decode' | 'bus';

/** How a context or an STT stream ended. */
export type Outcome = 'done' | 'error' | 'cancelled';

/** What the gateway measures. Times are given in milliseconds and exported in seconds. */
@Injectable()
export class GatewayMetrics {
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
  @InjectMetric(queueSize.name) private readonly queueSize!: Gauge<'offering'>;
  @InjectMetric(unserviceable.name) private readonly unserviceable!: Gauge<'offering'>;

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

  /** `outcome` is `granted` or the code of the problem. */
  authorized(outcome: string, durationMs: number): void {
    this.authorizations.observe({ outcome }, durationMs / 1000);
  }

  opened(kind: JobKind): void {
    this.activeRequests.inc({ kind });
  }

  /** The one terminal event of what was opened. */
  ended(kind: JobKind, outcome: Outcome): void {
    this.activeRequests.dec({ kind });
    this.terminals.inc({ kind, outcome });
  }

  audioPassed(kind: JobKind, model: string, durationMs: number): void {
    this.audio.inc({ kind, model }, durationMs / 1000);
  }

  /** A lane's load as last seen, and whether any worker serves it. */
  laneLoad(lane: string, load: { readonly waiting: number; readonly running: number }, hasWorker: boolean): void {
    this.lag.set({ lane, state: 'waiting' }, load.waiting);
    this.lag.set({ lane, state: 'running' }, load.running);
    this.queueSize.set({ offering: lane }, load.waiting);
    this.unserviceable.set({ offering: lane }, hasWorker ? 0 : load.waiting);
  }
}

/** For the gateway's PlatformModule. */
export const gatewayMetrics: readonly Provider[] = [
  GatewayMetrics,
  ...[firstAudio, overhead, transcription, queueWait, stage, authorize].map(makeHistogramProvider),
  ...[terminal, audio].map(makeCounterProvider),
  ...[active, lag, queueSize, unserviceable].map(makeGaugeProvider),
];
