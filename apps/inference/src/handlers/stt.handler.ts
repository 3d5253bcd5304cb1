import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { JobContext } from '@app/broker';
import { sttFunction, validated, type InputOf, type SttInput, type SttJob } from '@app/protocol';
import { Log, Tracing } from '@app/platform';
import { decodePcm } from '@app/speech/audio';
import { defaultEndpointerOptions, Endpointer } from '@app/speech/engines';
import { LaneEngines } from '../lanes/lane-engines';
import { stepsOfJob } from '../engine/job-steps';
import { WorkerSettings } from '../worker-settings';
import { runJob } from '../jobs/job-run';
import { SttStream } from '../stt/stt-stream';

/** Time that a draining worker waits for the next final before it hands a stream back, in milliseconds. */
const drainPatienceMs = 2_000;

/** Handles STT streams. */
@Controller()
export class SttHandler {
  constructor(
    private readonly engines: LaneEngines,
    private readonly settings: WorkerSettings,
    private readonly log: Log,
    private readonly tracing: Tracing,
  ) {}

  @MessagePattern('stt')
  run(job: SttJob, context: JobContext): Promise<void> {
    return runJob(this.log, job, context, () => this.hear(job, context));
  }

  private async hear(job: SttJob, context: JobContext): Promise<void> {
    const { tuning } = this.settings;
    const { endSilenceMs } = tuning;
    const stream = new SttStream(
      {
        id: `${job.jobId}.${context.attempt}`,
        offsetSamples: validated(sttFunction.resume, context.resume).offsetSamples,
        language: job.language,
        words: job.words,
        tuning,
        partials: job.pace === 'live',
        now: () => performance.now(),
      },
      stepsOfJob(this.engines.of(sttFunction, job.model), this.tracing, context),
      new Endpointer({ endSilenceMs, postRollMs: Math.min(defaultEndpointerOptions.postRollMs, endSilenceMs) }),
      ({ output }) => context.emit(output),
    );
    let patience: NodeJS.Timeout | undefined;
    const onDrain = (): void => {
      stream.drain();
      patience = setTimeout(() => stream.handBack(), drainPatienceMs);
    };
    context.signal.addEventListener('abort', () => stream.drop());
    context.drain.addEventListener('abort', onDrain);
    if (context.drain.aborted) onDrain();
    try {
      await Promise.race([stream.done, feed(stream, context)]);
    } finally {
      clearTimeout(patience);
      stream.drop();
    }
    this.engines.jobTook({ kind: sttFunction.kind, model: job.model }, stream.computeMs, stream.heardMs);
  }
}

/** Passes the inputs to the stream until they end. Rejects for an invalid input. */
async function feed(stream: SttStream, { inputs }: JobContext): Promise<void> {
  for await (const { input, body } of inputs) take(stream, input as InputOf<typeof sttFunction>, body);
  return stream.done;
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
