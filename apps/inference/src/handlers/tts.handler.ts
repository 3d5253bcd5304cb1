import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { JobContext } from '@app/broker';
import { laneName, ProblemError, ttsFunction, validated, type Lane, type TtsJob } from '@app/protocol';
import { Log, Tracing } from '@app/platform';
import { LaneEngines } from '../lanes/lane-engines';
import { InferenceMetrics } from '../metrics/inference-metrics';
import { stepsOfJob } from '../engine/job-steps';
import { WorkerSettings } from '../worker-settings';
import { runJob } from '../jobs/job-run';
import { TtsUtterance, type UtteranceReport } from '../tts/tts-utterance';

/** Handles TTS utterances. */
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
  run(job: TtsJob, context: JobContext): Promise<void> {
    return runJob(this.log, job, context, () => this.speak(job, context));
  }

  private async speak(job: TtsJob, context: JobContext): Promise<void> {
    const lane: Lane = { kind: ttsFunction.kind, model: job.model };
    if (!this.engines.modelsOf(lane).includes(job.voice)) throw new ProblemError('voice_not_found');
    const utterance = new TtsUtterance(
      job,
      { attempt: context.attempt, ...validated(ttsFunction.resume, context.resume) },
      stepsOfJob(this.engines.of(ttsFunction, job.model), this.tracing, context),
      { ...this.settings.tuning, now: () => performance.now() },
      (output, body) => context.emit(output, body),
    );
    context.signal.addEventListener('abort', () => utterance.drop());
    this.report(lane, await utterance.run());
  }

  private report(lane: Lane, { timings, firstAudioMs, audioMs }: UtteranceReport): void {
    this.metrics.waitedForSeat(laneName(lane), timings.seatWaitMs);
    if (firstAudioMs !== undefined) this.metrics.firstAudio(firstAudioMs);
    this.engines.jobTook(lane, timings.frontendMs + timings.encodeMs + timings.decodeMs, audioMs);
  }
}
