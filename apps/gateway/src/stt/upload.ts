import type { RecordingDecoder, SampleSink } from '@app/media';
import { ProblemError } from '@app/protocol';
import type { Catalogue } from '../catalogue/catalogue';
import type { RequestScope } from '../scope/request-scope';
import type { SttClient, SttEvent, SttSettings } from './stream-events';
import { sttSettings } from './stt-request';
import { SttSession } from './stt-session';
import type { Transcript } from './transcripts';

/** The parts of a multipart form, in the order of arrival. */
export type FormPart =
  | { readonly type: 'field'; readonly fieldname: string; readonly value: unknown }
  | { readonly type: 'file'; readonly file: AsyncIterable<Buffer> & { readonly truncated?: boolean } };

/** The transcript of a whole file. */
export interface UploadResult {
  readonly transcripts: readonly Transcript[];
  readonly durationSeconds: number;
  readonly settings: SttSettings;
}

/** How the file of a form is read. */
export interface UploadReading {
  /** Most bytes of the file that are held until the other fields of the form have arrived. */
  readonly maxHeadBytes: number;
  /** Longest time from the request for which they are held, in milliseconds, if the model is known. */
  readonly maxHeadMs: number;
  /** Called with true when the file is recognised while it arrives, and with false at the end of the file. */
  onLive(isLive: boolean): void;
}

const granularities = 'timestamp_granularities';
/** Once all these fields have arrived, the file need not wait for the rest of the form. */
const neededFields = ['model', 'language', granularities];

/**
 * One form with an audio file. The file is transcribed while it arrives, once the fields that it depends on are known.
 */
export class Upload implements SttClient {
  private readonly fields: Record<string, unknown> = {};
  private head: Buffer[] = [];
  private headBytes = 0;
  private hasFile = false;
  private begun: { readonly session: SttSession; readonly settings: SttSettings } | undefined;
  private readonly transcripts: Transcript[] = [];
  /** Resolves to the length of the audio, in seconds. */
  private readonly ended: Promise<number>;
  private resolve!: (durationSeconds: number) => void;
  private reject!: (problem: ProblemError) => void;
  private onDrained: () => void = () => undefined;
  private readonly decoder: RecordingDecoder;

  constructor(
    private readonly scope: RequestScope,
    openDecoder: (sink: SampleSink) => RecordingDecoder,
    private readonly catalogue: Catalogue,
    private readonly reading: UploadReading,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // `ended` is awaited later. A failure before that must not count as an unhandled rejection.
    this.ended.catch(() => undefined);
    this.decoder = openDecoder((samples) => this.hear(samples));
  }

  /**
   * Reads the form to its end and returns the transcript. Throws the problem of an invalid form, which ends the scope.
   */
  async transcribe(parts: AsyncIterable<FormPart>): Promise<UploadResult> {
    try {
      return await this.read(parts);
    } catch (error) {
      const problem = ProblemError.from(error);
      this.begun?.session.fail(problem);
      this.scope.end({ outcome: 'error', problem });
      await this.scope.stored();
      throw problem;
    } finally {
      this.decoder.close();
    }
  }

  receive(event: SttEvent): void {
    if (event.type === 'transcript' && event.isFinal) this.transcripts.push(event.transcript);
    if (event.type !== 'ended') return;
    if (event.outcome === 'done') this.resolve(event.durationSeconds);
    else this.reject(event.outcome === 'error' ? event.problem : new ProblemError('cancelled'));
  }

  drained(): void {
    this.onDrained();
  }

  private async read(parts: AsyncIterable<FormPart>): Promise<UploadResult> {
    for await (const part of asSent(parts)) {
      if (part.type === 'field') this.take(part.fieldname, part.value);
      else await this.readFile(part.file);
    }
    if (!this.hasFile) throw new ProblemError('bad_request', { detail: 'The form has no part with a file in it.' });
    const { session, settings } = this.begin();
    await this.sendHead();
    await this.beforeEnd(this.decoder.end());
    session.close();
    return { transcripts: this.transcripts, durationSeconds: await this.ended, settings };
  }

  private take(name: string, value: unknown): void {
    const field = name.replace(/\[\]$/, '');
    const late = this.begun && neededFields.includes(field) && this.fields[field] !== value;
    if (late)
      throw new ProblemError('bad_request', { detail: `Put ${field} before the file if the file is long or slow.` });
    if (field === granularities && value !== 'word') {
      throw new ProblemError('bad_request', { detail: `${granularities}: only "word" is offered.` });
    }
    this.fields[field] = value;
  }

  private async readFile(file: Extract<FormPart, { type: 'file' }>['file']): Promise<void> {
    if (this.hasFile) throw new ProblemError('bad_request', { detail: 'Send one file at a time.' });
    this.hasFile = true;
    if (neededFields.every((field) => field in this.fields)) this.beginLive();
    for await (const bytes of asSent(file)) {
      if (this.begun) await this.send(bytes);
      else await this.keep(bytes);
    }
    if (this.begun) this.reading.onLive(false);
    if (file.truncated) throw new ProblemError('too_large', { detail: 'The file is larger than this server takes.' });
  }

  private async keep(bytes: Buffer): Promise<void> {
    this.head.push(bytes);
    this.headBytes += bytes.length;
    const { maxHeadBytes, maxHeadMs } = this.reading;
    const hasModel = 'model' in this.fields;
    const isLate = hasModel && performance.now() - this.scope.receivedAtMs >= maxHeadMs;
    if (this.headBytes <= maxHeadBytes && !isLate) return;
    if (!hasModel) {
      const detail = `Put model before the file if the file has more than ${maxHeadBytes} bytes.`;
      throw new ProblemError('bad_request', { detail });
    }
    this.beginLive();
    await this.sendHead();
  }

  private async sendHead(): Promise<void> {
    const head = this.head;
    this.head = [];
    for (const bytes of head) await this.send(bytes);
  }

  private send(bytes: Buffer): Promise<void> {
    return this.beforeEnd(this.decoder.write(bytes));
  }

  /** Waits for the decoder. Throws if the stream ends meanwhile, as when the caller has gone or a worker failed. */
  private async beforeEnd(step: Promise<void>): Promise<void> {
    await Promise.race([step, this.ended]);
  }

  /** Takes decoded audio. Resolves when there is room for more. */
  private async hear(samples: Int16Array): Promise<void> {
    const { session } = this.begin();
    session.push(samples);
    if (session.full) await this.beforeEnd(new Promise<void>((resolve) => (this.onDrained = resolve)));
  }

  private beginLive(): void {
    this.begin();
    this.reading.onLive(true);
  }

  private begin(): { readonly session: SttSession; readonly settings: SttSettings } {
    if (this.begun) return this.begun;
    const words = this.fields[granularities] === 'word';
    const settings = { ...sttSettings(this.fields, this.catalogue), words };
    this.scope.concerns(settings.model.model);
    this.begun = { session: new SttSession(this.scope, settings, this.decoder, this), settings };
    return this.begun;
  }
}

/** The parts from the client. Errors in reading them become problems. */
async function* asSent<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  try {
    for (let next = await nextOf(items); !next.done; next = await nextOf(items)) yield next.value;
  } finally {
    await items.return?.();
  }
}

async function nextOf<T>(items: AsyncIterator<T>): Promise<IteratorResult<T>> {
  try {
    return await items.next();
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    if ((error as { statusCode?: number }).statusCode === 413) throw new ProblemError('too_large', { cause: error });
    throw new ProblemError('bad_request', { detail: 'The form could not be read to its end.', cause: error });
  }
}
