import { ProblemError } from '@app/protocol';
import type { SttEvent, SttSession, SttSettings, Transcript } from './stt-session';

/** What is read of a multipart form, in the order in which it arrives. */
export type FormPart =
  | { readonly type: 'field'; readonly fieldname: string; readonly value: unknown }
  | { readonly type: 'file'; readonly file: AsyncIterable<Buffer> & { readonly truncated?: boolean } };

/** What an upload needs of its surroundings. */
export interface UploadPorts {
  /** What the form asks for; throws the problem to answer with. */
  settingsOf(fields: Readonly<Record<string, unknown>>): SttSettings;
  openStream(settings: SttSettings, ports: { emit(event: SttEvent): void; drained(): void }): SttSession;
  /** How much of the file may be kept while it is not known what the rest of the form says. */
  readonly maxHeadBytes: number;
}

/** A whole file as it was heard. */
export interface UploadResult {
  readonly transcripts: readonly Transcript[];
  readonly durationSeconds: number;
  readonly settings: SttSettings;
}

const granularities = 'timestamp_granularities';
/** A form that has all of these before its file leaves nothing to wait for. */
const telling = ['model', 'language', granularities];

/** One form with audio in it: transcribed as it arrives, once the form has said how. */
export class Upload {
  private readonly fields: Record<string, unknown> = {};
  private head: Buffer[] = [];
  private headBytes = 0;
  private hasFile = false;
  private settings: SttSettings | undefined;
  private session: SttSession | undefined;
  private readonly transcripts: Transcript[] = [];
  private ended: Promise<number> | undefined;
  private onDrained: () => void = () => undefined;

  constructor(private readonly ports: UploadPorts) {}

  /** Reads the form to its end and gives what was said; throws the problem to answer with. */
  async transcribe(parts: AsyncIterable<FormPart>): Promise<UploadResult> {
    for await (const part of asSent(parts)) {
      if (part.type === 'field') this.take(part.fieldname, part.value);
      else await this.read(part.file);
    }
    if (!this.hasFile) throw new ProblemError('bad_request', { detail: 'The form has no part with a file in it.' });
    const { session, settings } = this.start();
    await this.sendHead(session);
    session.close();
    return { transcripts: this.transcripts, durationSeconds: (await this.ended) ?? 0, settings };
  }

  /** The client has gone. */
  cancel(): void {
    this.session?.cancel();
  }

  private take(name: string, value: unknown): void {
    const field = name.replace(/\[\]$/, '');
    const late = this.settings && telling.includes(field) && this.fields[field] !== value;
    if (late)
      throw new ProblemError('bad_request', { detail: `Put ${field} before the file: the file is a long one.` });
    if (field === granularities && this.fields[field] === 'word') return;
    this.fields[field] = value;
  }

  private async read(file: Extract<FormPart, { type: 'file' }>['file']): Promise<void> {
    if (this.hasFile) throw new ProblemError('bad_request', { detail: 'Send one file at a time.' });
    this.hasFile = true;
    if (telling.every((field) => field in this.fields)) this.start();
    for await (const bytes of asSent(file)) {
      if (this.session) await this.send(this.session, bytes);
      else await this.keep(bytes);
    }
    if (file.truncated) throw new ProblemError('too_large', { detail: 'The file is larger than this server takes.' });
  }

  private async keep(bytes: Buffer): Promise<void> {
    this.head.push(bytes);
    this.headBytes += bytes.length;
    if (this.headBytes <= this.ports.maxHeadBytes) return;
    if (!('model' in this.fields)) {
      const detail = `Put model before the file where the file has more than ${this.ports.maxHeadBytes} bytes.`;
      throw new ProblemError('bad_request', { detail });
    }
    await this.sendHead(this.start().session);
  }

  private async sendHead(session: SttSession): Promise<void> {
    const head = this.head;
    this.head = [];
    for (const bytes of head) await this.send(session, bytes);
  }

  private async send(session: SttSession, bytes: Buffer): Promise<void> {
    session.push(bytes);
    if (session.full) await Promise.race([new Promise<void>((resolve) => (this.onDrained = resolve)), this.ended]);
  }

  private start(): { session: SttSession; settings: SttSettings } {
    if (this.session && this.settings) return { session: this.session, settings: this.settings };
    const settings = this.ports.settingsOf(this.fields);
    let emit: (event: SttEvent) => void = () => undefined;
    this.ended = new Promise((resolve, reject) => {
      emit = (event) => {
        if (event.type === 'transcript' && event.isFinal) this.transcripts.push(event.transcript);
        if (event.type !== 'ended') return;
        if (event.outcome === 'done') resolve(event.durationSeconds);
        else reject(event.outcome === 'error' ? event.problem : new ProblemError('cancelled'));
      };
    });
    // It is awaited where it matters; until then a failure must not count as unhandled.
    this.ended.catch(() => undefined);
    const session = this.ports.openStream(settings, { emit: (event) => emit(event), drained: () => this.onDrained() });
    this.session = session;
    this.settings = settings;
    return { session, settings };
  }
}

/** What a client sent, with what is wrong with it as a problem. */
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
