import { Observable } from 'rxjs';
import { LaneRunner, type Broker, type JobContext, type JobEmission, type JobHandler } from '@app/broker';
import { bodyOf, sttSampleRateHz, type Span, type SttInput, type SttJob, type TtsJob } from '@app/protocol';
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
        { lane: { kind: 'tts', model: 'piper' }, seats, voices: () => ['piper-joe'] },
        { lane: { kind: 'stt', model: 'whisper-tiny-en' }, seats },
      ],
      handlers: { tts: (job, context) => this.speak(job as TtsJob, context), stt: this.listen },
    });
  }

  start(): Promise<void> {
    return this.runner.start();
  }

  stop(): Promise<void> {
    return this.runner.stop(0);
  }

  private speak(job: TtsJob, context: JobContext): Observable<JobEmission> {
    return new Observable((subscriber) => {
      this.ttsJobs.push(job);
      this.running++;
      const run = async (): Promise<void> => {
        await this.beforePlan(job, context);
        const totalSamples = job.text.length * samplesPerCharacter;
        const words = wordSpans(job.text);
        subscriber.next({
          output: { type: 'plan', sampleRateHz: fakeRateHz, totalSamples, durations: [1], words, phonemes: words },
        });
        for (let at = context.offsetSamples; at < totalSamples && !subscriber.closed; at += windowSamples) {
          await this.beforeWindow(job, Math.floor(at / windowSamples));
          if (subscriber.closed) return;
          const length = Math.min(windowSamples, totalSamples - at);
          const samples = Float32Array.from({ length }, (_, i) => fakeSample(job, at + i));
          subscriber.next({ output: { type: 'audio', offsetSamples: at }, body: bodyOf(samples) });
        }
        const timings = { seatWaitMs: 0, frontendMs: 0, encodeMs: 0, decodeMs: 0, firstWindowMs: 0 };
        subscriber.next({ output: { type: 'end', totalSamples, timings } });
        subscriber.complete();
      };
      run().catch((error: unknown) => subscriber.error(error));
      return () => void this.running--;
    });
  }

  private readonly listen: JobHandler = (job, context) =>
    new Observable((subscriber) => {
      this.sttJobs.push(job as SttJob);
      this.running++;
      const attempt = {
        offsetSamples: context.offsetSamples,
        samples: 0,
        firstOffset: undefined as number | undefined,
      };
      this.heard.push(attempt);
      let finalSample = context.offsetSamples;
      let endSample = context.offsetSamples;
      const segment = (type: 'partial' | 'final') => ({
        output: {
          type,
          text: this.hear(finalSample, endSample),
          language: 'en',
          startSample: finalSample,
          endSample,
          words: [['Heard', finalSample, endSample]] as const,
        },
      });
      const final = (): void => {
        if (endSample > finalSample) subscriber.next(segment('final'));
        finalSample = endSample;
      };
      const take = (sent: SttInput, body: Uint8Array): void => {
        switch (sent.type) {
          case 'audio':
            attempt.firstOffset ??= sent.offsetSamples;
            attempt.samples += body.length / 2;
            endSample = sent.offsetSamples + body.length / 2;
            subscriber.next({ output: { type: 'credit', consumedSamples: endSample } });
            if ((job as SttJob).pace === 'live') subscriber.next(segment('partial'));
            if (endSample - finalSample >= 30 * sttSampleRateHz) final();
            return;
          case 'finalize':
            final();
            return subscriber.next({ output: { type: 'flushed', marker: sent.marker } });
          case 'close':
            final();
            subscriber.next({ output: { type: 'end', totalSamples: endSample } });
            return subscriber.complete();
        }
      };
      const inputs = context.inputs.subscribe(({ input, body }) => {
        try {
          take(input, body);
        } catch (error) {
          subscriber.error(error);
        }
      });
      return () => {
        this.running--;
        inputs.unsubscribe();
      };
    });
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
