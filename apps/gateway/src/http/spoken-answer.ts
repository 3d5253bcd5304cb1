import { Readable } from 'node:stream';
import type { ErrorMetrics } from '@app/platform';
import { ProblemError } from '@app/protocol';
import type { ContextClient, ContextEvent } from '../tts/context-events';
import { doneMessage, ttsMessage } from '../tts/tts-messages';
import { ttsErrorMessage } from '../wire/error-messages';
import type { AudioWrapping } from './audio-wrapping';

/** The body of a streamed response. Its buffer holds what the client has not read yet. */
export abstract class SpokenAnswer extends Readable implements ContextClient {
  /** The problem with which the context ended. Undefined while it runs and if it succeeded. */
  problem: ProblemError | undefined;
  private wake: () => void = () => undefined;

  constructor(
    private readonly response: { readonly headersSent: boolean },
    private readonly errors: Pick<ErrorMetrics, 'count'>,
  ) {
    super();
  }

  /** Calls `wake` whenever the client has room for more. */
  onWanted(wake: () => void): void {
    this.wake = wake;
  }

  get backlogged(): boolean {
    return this.readableLength > 0;
  }

  override _read(): void {
    this.wake();
  }

  receive(event: ContextEvent): void {
    if (event.type === 'ended') this.problem = endProblem(event);
    // If the response has not begun, the problem filter counts the problem.
    if (this.problem && this.response.headersSent) this.errors.count(this.problem.code);
    this.write(event);
  }

  protected abstract write(event: ContextEvent): void;
}

/**
 * A response of audio alone. An error after the first audio aborts the response, so that the client does not take it
 * for complete.
 */
export class BytesAnswer extends SpokenAnswer {
  /** Resolves at the first audio. Rejects with the problem if there was none. */
  readonly begun: Promise<void>;
  private begin!: () => void;
  private refuse!: (problem: ProblemError) => void;
  private hasAudio = false;

  constructor(
    response: { readonly headersSent: boolean },
    errors: Pick<ErrorMetrics, 'count'>,
    private readonly wrapping: AudioWrapping,
  ) {
    super(response, errors);
    this.begun = new Promise((resolve, reject) => {
      this.begin = resolve;
      this.refuse = reject;
    });
  }

  protected override write(event: ContextEvent): void {
    if (event.type === 'audio') this.audio(event.bytes);
    if (event.type === 'ended') this.end(this.problem);
  }

  private audio(bytes: Buffer): void {
    this.hasAudio = true;
    this.send(this.wrapping.add(bytes));
  }

  /** An encoder may need more audio before it gives any. */
  private send(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.push(bytes);
    this.begin();
  }

  /** Destroys the stream with the problem. A sender that has not begun yet must check `errored`. */
  private breakOff(problem: ProblemError): void {
    this.once('error', () => undefined);
    this.destroy(problem);
  }

  private end(problem: ProblemError | undefined): void {
    if (!this.hasAudio) this.refuse(problem ?? new ProblemError('transcript_empty'));
    else if (problem) this.breakOff(problem);
    else {
      this.send(this.wrapping.end());
      this.push(null);
    }
  }
}

/** A response of server-sent events, each one line of JSON. */
export class SseAnswer extends SpokenAnswer {
  private hasEvents = false;

  constructor(
    response: { readonly headersSent: boolean },
    errors: Pick<ErrorMetrics, 'count'>,
    private readonly requestId: string,
    private readonly contextId: string | undefined,
  ) {
    super(response, errors);
  }

  protected override write(event: ContextEvent): void {
    if (event.type !== 'ended') return this.event(ttsMessage(event, this.contextId));
    const problem = this.problem ?? (this.hasEvents ? undefined : new ProblemError('transcript_empty'));
    if (problem) this.event(ttsErrorMessage(problem, this.requestId, this.contextId), 'event: error\n');
    else this.event(doneMessage(this.contextId));
    this.push(null);
  }

  private event(message: object, name = ''): void {
    this.hasEvents = true;
    this.push(`${name}data: ${JSON.stringify(message)}\n\n`);
  }
}

/** The problem of a context's end for an HTTP client, or undefined if all text was spoken. */
function endProblem(end: Extract<ContextEvent, { type: 'ended' }>): ProblemError | undefined {
  switch (end.outcome) {
    case 'done':
      return undefined;
    case 'error':
      return end.problem;
    case 'cancelled':
      return new ProblemError(end.reason === 'draining' ? 'draining' : 'cancelled');
  }
}
