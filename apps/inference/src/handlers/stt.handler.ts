import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { Subscription, type Observable } from 'rxjs';
import type { JobContext, JobEmission } from '@app/broker';
import { sttFunction, SttJob, type SttInput } from '@app/protocol';
import { Log, Tracing } from '@app/platform';
import { decodePcm } from '@app/speech/audio';
import { defaultEndpointerOptions, Endpointer } from '@app/speech/engines';
import { LaneEngines } from '../lanes/lane-engines';
import { tracedSteps } from '../tracing/traced-steps';
import { WorkerSettings } from '../worker-settings';
import { emissionsOf, logged, type RunningJob } from './job-run';
import { SttStream } from './stt-stream';

/** How long a draining worker waits for the next final before it hands a stream back. */
const drainPatienceMs = 2_000;

/** Hears STT streams. */
@Controller()
export class SttHandler {
  constructor(
    private readonly engines: LaneEngines,
    private readonly settings: WorkerSettings,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  @MessagePattern('stt')
  hear(@Payload() job: SttJob, @Ctx() context: JobContext): Observable<JobEmission> {
    return emissionsOf((emit) => logged(this.log, job, context, this.start(job, context, emit)));
  }

  private start(job: SttJob, context: JobContext, emit: (emission: JobEmission) => void): RunningJob {
    const { tuning } = this.settings;
    const { endSilenceMs } = tuning;
    const stream = new SttStream(
      {
        id: `${job.jobId}.${context.attempt}`,
        offsetSamples: context.offsetSamples,
        language: job.language,
        words: job.words,
        ...(job.pace === 'live' ? { partials: tuning } : {}),
        now: () => performance.now(),
      },
      tracedSteps(this.engines.of(sttFunction, job.model), this.tracing, context.headers),
      new Endpointer({ endSilenceMs, postRollMs: Math.min(defaultEndpointerOptions.postRollMs, endSilenceMs) }),
      emit,
    );
    const inputs = this.follow(stream, context);
    const done = stream.done
      .finally(() => inputs.unsubscribe())
      .then(() => this.engines.jobTook({ kind: sttFunction.kind, model: job.model }, stream.computeMs, stream.heardMs));
    return { done, drop: () => stream.drop() };
  }

  private follow(stream: SttStream, context: JobContext): Subscription {
    const subscription = context.inputs.subscribe(({ input, body }) => take(stream, input, body));
    let timer: NodeJS.Timeout | undefined;
    subscription.add(
      context.drain.subscribe(() => {
        stream.drain();
        timer = setTimeout(() => stream.handBack(), drainPatienceMs);
      }),
    );
    subscription.add(() => clearTimeout(timer));
    return subscription;
  }
}

function take(stream: SttStream, input: SttInput, body: Uint8Array): void {
  switch (input.type) {
    case 'audio':
      return stream.push(input.offsetSamples, decodePcm(body, 'pcm_s16le'));
    case 'finalize':
      return stream.finalize(input.marker);
    case 'close':
      return stream.close();
  }
}
