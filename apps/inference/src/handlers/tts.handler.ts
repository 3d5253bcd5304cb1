import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import type { JobContext, JobEmission } from '@app/broker';
import { laneName, ProblemError, ttsFunction, TtsJob, type Lane } from '@app/protocol';
import { InferenceMetrics, Log, Tracing } from '@app/platform';
import { LaneEngines } from '../lanes/lane-engines';
import { tracedSteps } from '../tracing/traced-steps';
import { WorkerSettings } from '../worker-settings';
import { emissionsOf, logged, type RunningJob } from './job-run';
import { TtsUtterance, type UtteranceReport } from './tts-utterance';

/** Speaks utterances. */
@Controller()
export class TtsHandler {
  constructor(
    private readonly engines: LaneEngines,
    private readonly settings: WorkerSettings,
    private readonly metrics: InferenceMetrics,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  @MessagePattern('tts')
  speak(@Payload() job: TtsJob, @Ctx() context: JobContext): Observable<JobEmission> {
    return emissionsOf((emit) => logged(this.log, job, context, this.start(job, context, emit)));
  }

  private start(job: TtsJob, context: JobContext, emit: (emission: JobEmission) => void): RunningJob {
    const lane: Lane = { kind: ttsFunction.kind, model: job.model };
    if (!this.engines.modelsOf(lane).includes(job.voice)) throw new ProblemError('voice_not_found');
    const utterance = new TtsUtterance(
      job,
      context,
      tracedSteps(this.engines.of(ttsFunction, job.model), this.tracing, context.headers),
      { ...this.settings.tuning, now: () => performance.now() },
      emit,
    );
    const done = utterance.run().then((report) => this.report(lane, report));
    return { done, drop: () => utterance.drop() };
  }

  private report(lane: Lane, { timings, firstAudioMs, audioMs }: UtteranceReport): void {
    this.metrics.waitedForSeat(laneName(lane), timings.seatWaitMs);
    if (firstAudioMs !== undefined) this.metrics.firstAudio(firstAudioMs);
    this.engines.jobTook(lane, timings.frontendMs + timings.encodeMs + timings.decodeMs, audioMs);
  }
}
