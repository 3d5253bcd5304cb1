import { Worker } from 'node:worker_threads';
import { SpeechError, sttSampleRateHz } from '@app/speech/audio';
import { RecordingTooLong } from './limits';
import type { ReceivedAudio } from './speech-track';
import { threadEntry } from './thread-entry';
import type { ThreadInput, ThreadOutput, ThreadTask } from './thread-messages';

/** Takes mono audio, 16 kHz, 16 bits. It is called again when its promise has resolved. */
export type SampleSink = (samples: Int16Array) => Promise<void> | void;

/** Number of bytes that may wait for the thread before the sender is paused. */
const maxUntakenBytes = 262_144;
/** Time in which a thread that has work must show progress, in milliseconds. A thread takes about 0.1 s to start. */
const stallMs = 10_000;
/** Largest heap of a thread, in MiB. WebAssembly and audio are outside it, with limits of their own. */
const maxHeapMb = 128;

/**
 * One compressed recording that is decoded in a thread of its own. A file that crashes or blocks a decoder, or makes it
 * use up its memory, ends this thread alone. Rejects with a SpeechError or `RecordingTooLong`.
 */
export class DecoderThread {
  received: ReceivedAudio = { samples: 0, sampleRateHz: sttSampleRateHz };
  private readonly worker: Worker;
  private readonly ended: Promise<void>;
  private finish!: (error?: Error) => void;
  private untakenBytes = 0;
  private hasRoom: () => void = () => undefined;
  private isEnding = false;
  private isOver = false;
  /** Audio that the sink has not used yet. */
  private sinkQueue = 0;
  private sinking: Promise<void> = Promise.resolve();
  private stall: NodeJS.Timeout | undefined;

  /** `onClosed` is called once, when the thread is gone. */
  constructor(
    private readonly task: ThreadTask,
    private readonly sink: SampleSink,
    onClosed: () => void,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.finish = (error) => (error ? reject(error) : resolve());
    });
    // `write` and `end` wait for it. Nobody may be waiting when a thread fails.
    this.ended.catch(() => undefined);
    this.worker = new Worker(threadEntry.file, {
      workerData: task,
      execArgv: threadEntry.execArgv,
      // The decoders describe damage on the console.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    // Output that nobody reads would stay in memory.
    this.worker.stdout.resume();
    this.worker.stderr.resume();
    this.worker.on('message', (message: ThreadOutput) => this.onMessage(message));
    this.worker.once('error', (error) => this.over(crashed(error)));
    this.worker.once('exit', () => {
      this.over(crashed(new Error('the thread ended')));
      onClosed();
    });
  }

  /** Resolves when the thread wants more. Bytes behind the end of the audio are ignored. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.isOver) return this.ended;
    // A slice of a Buffer would be a view of memory that others use.
    const copy = new Uint8Array(bytes);
    this.untakenBytes += copy.length;
    this.post({ type: 'bytes', bytes: copy }, [copy.buffer]);
    if (this.untakenBytes <= maxUntakenBytes) return;
    await Promise.race([new Promise<void>((resolve) => (this.hasRoom = resolve)), this.ended]);
  }

  /** Resolves when the sink has used all audio. */
  async end(): Promise<void> {
    this.isEnding = true;
    if (!this.isOver) this.post({ type: 'end' });
    await this.ended;
  }

  /** Stops the thread. */
  close(): void {
    this.over();
  }

  private post(message: ThreadInput, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, transfer);
    this.watch();
  }

  private onMessage(message: ThreadOutput): void {
    if (this.isOver) return;
    switch (message.type) {
      case 'taken':
        this.untakenBytes -= message.bytes;
        if (this.untakenBytes <= maxUntakenBytes) this.hasRoom();
        break;
      case 'audio':
        this.received = message.received;
        this.use(message.samples);
        break;
      case 'done':
        void this.sinking.then(() => this.over());
        break;
      case 'refused':
        return this.over(
          message.why === 'too long' ? new RecordingTooLong(this.task.maxSeconds) : new SpeechError(message.reason),
        );
    }
    this.watch();
  }

  private use(samples: Int16Array): void {
    this.sinkQueue++;
    this.sinking = this.sinking
      .then(() => this.sink(samples))
      .then(
        () => {
          this.sinkQueue--;
          if (!this.isOver) this.post({ type: 'room' });
        },
        (error: unknown) => this.over(error instanceof Error ? error : new Error(String(error))),
      );
  }

  /** Limits the time of a thread that has work. While its audio waits for the sink, it has none. */
  private watch(): void {
    clearTimeout(this.stall);
    const hasWork = (this.untakenBytes > 0 || this.isEnding) && this.sinkQueue === 0;
    if (this.isOver || !hasWork) return;
    this.stall = setTimeout(() => {
      this.over(new SpeechError('The audio could not be decoded in time. It is probably damaged'));
    }, stallMs);
  }

  private over(error?: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.stall);
    this.finish(error);
    void this.worker.terminate();
  }
}

const crashed = (cause: Error): SpeechError =>
  new SpeechError('The audio could not be decoded. It is probably damaged', { cause });
