import { randomUUID } from 'node:crypto';
import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { parseJson, type TraceHeaders } from '@app/platform';
import { ProblemError, validated } from '@app/protocol';
import type { Admission } from '../auth/gatekeeper';
import { Place } from '../auth/place';
import type { Catalogue } from '../catalogue/catalogue';
import { ttsErrorMessage } from '../wire/error-messages';
import type { CancelReason, ContextEnd, ContextEvent } from './context-events';
import type { TtsContext, ContextPorts } from './tts-context';
import { doneMessage, ttsMessage } from './tts-messages';
import { ttsSettings, type TtsSettings } from './tts-request';

const maxContextIdCharacters = 512;
const maxContexts = 1_000;
/** Messages that may wait for a context of the same id to finish. */
const maxDeferred = 1_000;

/** What steers a context, in every message about it. */
class ContextCommand {
  @IsOptional()
  @IsString()
  transcript?: string | null;

  @IsOptional()
  @IsBoolean()
  continue?: boolean | null;

  @IsOptional()
  @IsBoolean()
  flush?: boolean | null;
}

/** What a session needs of its surroundings. */
export interface TtsSessionPorts {
  readonly catalogue: Catalogue;
  readonly requestId: string;
  readonly openContext: (settings: TtsSettings, ports: SessionContextPorts) => TtsContext;
  /** Whether the client has yet to take what was sent. */
  backlogged(): boolean;
  /** How the connection itself was admitted. */
  readonly admission: Admission;
  /** Asks whether the key may have this; the trace context is that of whom it is asked for. */
  authorize(settings: TtsSettings, trace: TraceHeaders): Promise<Admission>;
  send(message: object): void;
  /** Ends the connection. */
  close(code: number, reason: string): void;
  /** A context was refused before it came to be. */
  refused(problem: ProblemError): void;
  /** A problem was told to the client. */
  told(problem: ProblemError): void;
}

/** What a session gives to each of its contexts. */
export type SessionContextPorts = Pick<ContextPorts, 'requestId' | 'receivedAtMs' | 'enter' | 'emit' | 'backlogged'>;

interface LiveContext {
  readonly context: TtsContext;
  readonly settings: TtsSettings;
  /** Messages for the next context of this id, which came while this one was still speaking. */
  readonly deferred: Record<string, unknown>[];
}

/**
 * The contexts of one TTS socket. Messages are handled in the order in which they came, without waiting for anything, so no
 * context holds up another.
 */
export class TtsSession {
  private readonly contexts = new Map<string, LiveContext>();
  /** What ended contexts whose closing message may still come. */
  private readonly failed = new Map<string, ProblemError>();
  private closed = false;

  /** The latest answer for this key. */
  private admission: Admission;

  constructor(private readonly ports: TtsSessionPorts) {
    this.admission = ports.admission;
  }

  /** Contexts that have not ended. */
  get size(): number {
    return this.contexts.size;
  }

  /** One text frame. */
  receive(frame: string): void {
    if (this.closed) return;
    let message: unknown;
    try {
      message = parseJson(frame);
    } catch (error) {
      return this.refuseConnection(ProblemError.from(error));
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      return this.refuseConnection(new ProblemError('bad_request', { detail: 'A message must be a JSON object.' }));
    }
    this.handle(message as Record<string, unknown>);
  }

  /** An error that concerns no context: said without a context id, then the connection ends. */
  refuseConnection(problem: ProblemError): void {
    this.tell(problem);
    this.ports.close(problem.row.closeCode, problem.code);
  }

  /** The client has taken what was sent. */
  wake(): void {
    for (const { context } of this.contexts.values()) context.wake();
  }

  /** Stops all contexts at once; nothing is sent any more. */
  close(reason: CancelReason): void {
    this.closed = true;
    for (const { context } of [...this.contexts.values()]) context.cancel(reason);
  }

  private handle(message: Record<string, unknown>): void {
    const id = message.context_id ?? randomUUID();
    if (typeof id !== 'string' || id.length === 0 || id.length > maxContextIdCharacters) {
      const detail = `context_id must be a string of 1 to ${maxContextIdCharacters} characters.`;
      return this.refuseConnection(new ProblemError('bad_request', { detail }));
    }
    if (message.cancel === true) return this.cancel(id);
    try {
      this.steer(id, message, validated(ContextCommand, message));
    } catch (error) {
      this.refuse(id, ProblemError.from(error));
    }
  }

  private cancel(id: string): void {
    const live = this.contexts.get(id);
    if (!live) return;
    live.deferred.length = 0;
    live.context.cancel('client');
  }

  private steer(id: string, message: Record<string, unknown>, command: ContextCommand): void {
    const text = command.transcript ?? '';
    const isBlank = text.trim() === '';
    const isClosing = command.continue === false || (command.continue !== true && command.flush !== true);
    const live = this.contexts.get(id);
    if (live?.context.isClosed) return this.defer(live, message, isBlank && isClosing);
    if (!live && isBlank && command.flush !== true) {
      if (isClosing) this.echo(id);
      return;
    }
    const { context, settings } = live ?? this.open(id, message);
    context.push(text);
    if (command.flush === true || (settings.maxBufferDelayMs === 0 && !isBlank && !isClosing)) context.flush();
    if (isClosing) context.close();
  }

  /**
   * A closing message is always answered, also for a context that failed or expired, or had no text. A failure is said again:
   * a client that has read it already may take a late `done` for the end of its next context.
   */
  private echo(id: string): void {
    const problem = this.failed.get(id);
    this.failed.delete(id);
    this.ports.send(problem ? ttsErrorMessage(problem, this.ports.requestId, id) : doneMessage(id));
  }

  /** Its closing message was read and its audio is still being made: what comes now is for the next context of this id. */
  private defer(live: LiveContext, message: Record<string, unknown>, isEcho: boolean): void {
    if (isEcho && live.deferred.length === 0) return;
    if (live.deferred.length >= maxDeferred) {
      return live.context.fail(new ProblemError('too_large', { detail: 'Too many messages wait for this context.' }));
    }
    live.deferred.push(message);
  }

  private open(id: string, message: Record<string, unknown>): LiveContext {
    const settings = ttsSettings(message, this.ports.catalogue, ['raw']);
    if (this.contexts.size >= maxContexts) {
      const detail = `A connection may have at most ${maxContexts} open contexts.`;
      throw new ProblemError('concurrency_limited', { detail, retryAfterSeconds: 1 });
    }
    const place = new Place(this.admission);
    const context = this.ports.openContext(settings, {
      requestId: this.ports.requestId,
      receivedAtMs: performance.now(),
      enter: () => place.enter(),
      emit: (event) => this.onEvent(id, event),
      backlogged: () => this.ports.backlogged(),
    });
    const live: LiveContext = { context, settings, deferred: [] };
    this.contexts.set(id, live);
    this.failed.delete(id);
    // The key was good when it connected, so work begins while the license app is asked; nothing leaves before its answer.
    context.begin();
    this.ports
      .authorize(settings, context.trace)
      .then((admission) => {
        this.admission = admission;
        place.admitAnew(admission);
        context.admit();
      })
      .catch((error: unknown) => context.fail(ProblemError.from(error)));
    return live;
  }

  private onEvent(id: string, event: ContextEvent): void {
    if (event.type !== 'ended') return this.ports.send(ttsMessage(event, id));
    const deferred = this.contexts.get(id)?.deferred ?? [];
    this.contexts.delete(id);
    if (this.closed) return;
    this.sayEnd(id, event);
    for (const message of deferred) this.handle(message);
  }

  private sayEnd(id: string, end: ContextEnd): void {
    switch (end.outcome) {
      case 'done':
        return this.ports.send(doneMessage(id));
      case 'error':
        return this.tell(end.problem, id);
      case 'cancelled':
        // A client that left an idle context would take `done` for the end of a turn that it is still writing.
        if (end.reason === 'client') this.ports.send(doneMessage(id));
        return;
    }
  }

  /** A message that could not be understood ends its context, if there is one: the client takes it for ended. */
  private refuse(id: string, problem: ProblemError): void {
    const live = this.contexts.get(id);
    if (live) return live.context.fail(problem);
    this.ports.refused(problem);
    this.tell(problem, id);
  }

  private tell(problem: ProblemError, contextId?: string): void {
    if (contextId !== undefined) this.remember(contextId, problem);
    this.ports.told(problem);
    this.ports.send(ttsErrorMessage(problem, this.ports.requestId, contextId));
  }

  private remember(id: string, problem: ProblemError): void {
    this.failed.delete(id);
    this.failed.set(id, problem);
    const oldest = this.failed.keys().next();
    if (this.failed.size > maxContexts && !oldest.done) this.failed.delete(oldest.value);
  }
}
