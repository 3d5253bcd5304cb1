import { LaneRunner, type Broker, type JobContext } from '@app/broker';
import {
  bodyOf,
  type Span,
  type SttInput,
  type SttJob,
  type SttOutput,
  type SttResume,
  type TtsJob,
  type TtsOutput,
  type TtsResume,
} from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import { splitWords } from '@app/speech/text';

export const fakeRateHz = 22_050;
/** Long enough that a word has a few windows. */
export const samplesPerCharacter = 200;
const windowSamples = 1_000;

/** The fake voice's sample at a place of an utterance: a function of text, seed and place. */
export const fakeSample = (job: Pick<TtsJob, 'text' | 'seed'>, at: number): number =>
  (((at + job.seed + (job.text.charCodeAt(at % job.text.length) || 0)) % 200) - 100) / 128;

/** A worker whose voice says numbers and whose ear counts samples; steered by the test. */
export class FakeWorker {
  readonly ttsJobs: TtsJob[] = [];
  readonly sttJobs: SttJob[] = [];
  /** First sample each STT attempt was asked for, and all audio it was sent. */
  readonly heard: { offsetSamples: number; samples: number; firstOffset: number | undefined }[] = [];
  running = 0;
  /** Awaited before each window. */
  beforeWindow: (job: TtsJob, window: number) => Promise<void> | void = () => undefined;
  /** Awaited before a job's plan; what it throws ends the attempt. */
  beforePlan: (job: TtsJob, context: JobContext) => Promise<void> | void = () => undefined;
  /** Text of what was heard from one sample to another. */
  hear: (startSample: number, endSample: number) => string = (start, end) =>
    `Heard ${Math.round(((end - start) / sttSampleRateHz) * 100) / 100} seconds.`;
  private readonly runner: LaneRunner;

  constructor(broker: Broker, workerId: string, seats = 8) {
    this.runner = new LaneRunner({
      broker,
      workerId,
      lanes: [
        { lane: { kind: 'tts', model: 'piper' }, seats },
        { lane: { kind: 'stt', model: 'whisper-tiny-en' }, seats },
      ],
      handlers: {
        tts: (job, context) => this.counted(context, this.speak(job as TtsJob, context)),
        stt: (job, context) => this.counted(context, this.listen(job as SttJob, context)),
      },
    });
  }

  start(): Promise<void> {
    return this.runner.start();
  }

  stop(): Promise<void> {
    return this.runner.stop(0);
  }

  private async speak(job: TtsJob, context: JobContext): Promise<void> {
    this.ttsJobs.push(job);
    const { offsetSamples } = context.resume as TtsResume;
    const emit = (output: TtsOutput, body?: Uint8Array): void => context.emit(output, body);
    await this.beforePlan(job, context);
    const totalSamples = job.text.length * samplesPerCharacter;
    const words = wordSpans(job.text);
    emit({ type: 'plan', sampleRateHz: fakeRateHz, totalSamples, durations: [1], words, phonemes: words });
    for (let at = offsetSamples; at < totalSamples; at += windowSamples) {
      context.signal.throwIfAborted();
      await this.beforeWindow(job, Math.floor(at / windowSamples));
      context.signal.throwIfAborted();
      const length = Math.min(windowSamples, totalSamples - at);
      const samples = Float32Array.from({ length }, (_, i) => fakeSample(job, at + i));
      emit({ type: 'audio', offsetSamples: at }, bodyOf(samples));
    }
    const timings = { seatWaitMs: 0, frontendMs: 0, encodeMs: 0, decodeMs: 0, firstWindowMs: 0 };
    emit({ type: 'end', totalSamples, timings });
  }

  private async listen(job: SttJob, context: JobContext): Promise<void> {
    this.sttJobs.push(job);
    const { offsetSamples } = context.resume as SttResume;
    const attempt = { offsetSamples, samples: 0, firstOffset: undefined as number | undefined };
    this.heard.push(attempt);
    const emit = (output: SttOutput): void => context.emit(output);
    let finalSample = offsetSamples;
    let endSample = offsetSamples;
    const segment = (type: 'partial' | 'final'): SttOutput => ({
      type,
      text: this.hear(finalSample, endSample),
      language: 'en',
      startSample: finalSample,
      endSample,
      words: [['Heard', finalSample, endSample]],
    });
    const final = (): void => {
      if (endSample > finalSample) emit(segment('final'));
      finalSample = endSample;
    };
    for await (const { input, body } of context.inputs) {
      const sent = input as SttInput;
      switch (sent.type) {
        case 'audio':
          attempt.firstOffset ??= sent.offsetSamples;
          attempt.samples += body.length / 2;
          endSample = sent.offsetSamples + body.length / 2;
          emit({ type: 'credit', consumedSamples: endSample });
          if (job.pace === 'live') emit(segment('partial'));
          if (endSample - finalSample >= 30 * sttSampleRateHz) final();
          break;
        case 'finalize':
          final();
          emit({ type: 'flushed', marker: sent.marker });
          break;
        case 'close':
          final();
          return emit({ type: 'end', totalSamples: endSample });
      }
    }
  }

  /** Counts the job for as long as it holds its seat. */
  private async counted(context: JobContext, work: Promise<void>): Promise<void> {
    const stopped = new Promise<never>((_, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
    });
    this.running++;
    try {
      await Promise.race([work, stopped]);
    } finally {
      this.running--;
    }
  }
}

/** Words in equal shares of their characters. */
function wordSpans(text: string): Span[] {
  let from = 0;
  return splitWords(text).map((word) => {
    const at = text.indexOf(word, from);
    from = at + word.length;
    return [word, at * samplesPerCharacter, from * samplesPerCharacter];
  });
}
