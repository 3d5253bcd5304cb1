import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { JobContext } from '@app/broker';
import { ProblemError, speechActivityFunction, type ResultOf, type SpeechActivityJob } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import { Log, Tracing } from '@app/platform';
import { LaneEngines } from '../lanes/lane-engines';
import { SpeechFinder } from '../speech-activity/speech-finder';
import { stepsOfJob } from '../engine/job-steps';
import { runJob } from '../jobs/job-run';
import { readRecordingAt } from '../jobs/recording';

/** Finds the speech in recordings for `POST /speech-activity`. */
@Controller()
export class SpeechActivityHandler {
  constructor(
    private readonly engines: LaneEngines,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  @MessagePattern('speech-activity')
  run(job: SpeechActivityJob, context: JobContext): Promise<void> {
    return runJob(this.log, job, context, () => this.find(job, context));
  }

  private async find(job: SpeechActivityJob, context: JobContext): Promise<ResultOf<typeof speechActivityFunction>> {
    const samples = readRecordingAt(sttSampleRateHz, context.body);
    if (samples.length === 0) {
      throw new ProblemError('audio_not_supported', {
        detail: 'The WAV file has no audio. Send one with audio.',
      });
    }
    const engine = this.engines.of(speechActivityFunction, job.model);
    const steps = stepsOfJob(engine, this.tracing, context);
    const finder = new SpeechFinder(`${job.jobId}.${context.attempt}`, job, steps);
    const segments = await finder.find(samples, context.signal);
    const speechSamples = segments.reduce((sum, { startSample, endSample }) => sum + endSample - startSample, 0);
    const lane = { kind: speechActivityFunction.kind, model: job.model };
    this.engines.jobTook(lane, finder.computeMs, (samples.length * 1_000) / sttSampleRateHz);
    return {
      duration: seconds(samples.length),
      segments: segments.map(({ startSample, endSample }) => ({
        start: seconds(startSample),
        end: seconds(endSample),
      })),
      speech_share: rounded(speechSamples / samples.length),
    };
  }
}

const seconds = (samples: number): number => rounded(samples / sttSampleRateHz);
/** Rounds to milliseconds, or to a tenth of a percent. */
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
