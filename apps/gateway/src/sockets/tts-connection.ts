import type { WebSocket } from 'ws';
import { traceHeadersOf } from '@app/platform';
import { ProblemError } from '@app/protocol';
import type { Admission, Gatekeeper } from '../auth/gatekeeper';
import type { Catalogue } from '../catalogue/catalogue';
import type { GatewayConfig } from '../gateway.config';
import type { RequestScope, WorkEnd } from '../scope/request-scope';
import type { RequestScopes } from '../scope/request-scopes';
import type { ContextClient, ContextEvent } from '../tts/context-events';
import { TtsContext } from '../tts/tts-context';
import { contextWork, socketLimits } from '../tts/context-limits';
import { doneMessage, ttsMessage } from '../tts/tts-messages';
import { ttsSettings, type TtsSettings } from '../tts/tts-request';
import { ttsErrorMessage } from '../wire/error-messages';
import type { Upgrade } from './handshake-check';
import { FailedContexts } from './failed-contexts';
import { OpenSocket } from './open-socket';
import type { Connection } from './socket-registry';
import { commandOf, contextIdOf, readFrame, type ContextCommand, type TtsFrame } from './tts-frame';

const maxContexts = 1_000;
/** Most messages that may wait for a context of the same id to finish. */
const maxDeferred = 1_000;

/** The services that every TTS socket uses. */
export interface TtsServices {
  readonly config: GatewayConfig;
  readonly gatekeeper: Gatekeeper;
  readonly catalogue: Catalogue;
  readonly scopes: RequestScopes;
}

/** A context that has not ended. It is the client of that context. */
class LiveContext implements ContextClient {
  /** Messages for the next context of this id. They arrived while this one was still speaking. */
  readonly deferred: TtsFrame[] = [];
  readonly context: TtsContext;

  constructor(
    private readonly connection: TtsConnection,
    readonly id: string,
    readonly settings: TtsSettings,
    readonly scope: RequestScope,
  ) {
    this.context = new TtsContext(scope, settings, this, socketLimits(connection.config));
  }

  get backlogged(): boolean {
    return this.connection.backlogged;
  }

  receive(event: ContextEvent): void {
    this.connection.say(this, event);
  }
}

/**
 * The contexts of one TTS socket. Messages are handled in the order of arrival. No message waits, so no context delays
 * another.
 */
export class TtsConnection implements Connection {
  readonly config: GatewayConfig;
  private readonly open: OpenSocket;
  private readonly contexts = new Map<string, LiveContext>();
  private readonly failed = new FailedContexts(maxContexts);
  private closed = false;

  /** `admission` is the latest one of this key. */
  constructor(
    private readonly services: TtsServices,
    socket: WebSocket,
    private readonly upgrade: Upgrade,
    private admission: Admission,
  ) {
    this.config = services.config;
    this.open = new OpenSocket(socket, { idleMs: services.config.ttsIdleMs }, () => this.wake());
    this.open.start();
  }

  /** Whether the client has not read all that was sent. */
  get backlogged(): boolean {
    return this.open.backlogged;
  }

  isIdle(): boolean {
    return this.contexts.size === 0;
  }

  drain(): void {
    for (const { context } of [...this.contexts.values()]) context.unpace();
  }

  settle(): void {
    // The drain has already made every context speak all its text.
  }

  close(code: number, reason: string): void {
    this.closed = true;
    for (const { context } of [...this.contexts.values()]) context.cancel('draining');
    this.open.close(code, reason);
  }

  /** Handles one text frame. A frame that belongs to no context ends the connection. */
  receive(frame: string): void {
    if (this.isOver()) return;
    try {
      this.handle(readFrame(frame));
    } catch (error) {
      this.refuseConnection(ProblemError.from(error));
    }
  }

  /** Sends an error without a context id, then closes the connection. */
  refuseConnection(problem: ProblemError): void {
    this.sayProblem(problem);
    this.open.close(problem.row.closeCode, problem.code);
  }

  /** Sends an event of a context to the client. When the context ends, the deferred messages of its id are handled. */
  say(live: LiveContext, event: ContextEvent): void {
    const { id, deferred } = live;
    if (event.type !== 'ended') return this.open.send(ttsMessage(event, id));
    this.contexts.delete(id);
    if (this.isOver()) return;
    this.sayEnd(id, event);
    for (const message of deferred) this.handle(message);
  }

  private wake(): void {
    for (const { context } of [...this.contexts.values()]) context.wake();
  }

  private handle(message: TtsFrame): void {
    const id = contextIdOf(message);
    if (message.cancel === true) return this.cancel(id);
    try {
      this.steer(id, message, commandOf(message));
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

  private steer(id: string, message: TtsFrame, { text, isBlank, isFlush, isClosing }: ContextCommand): void {
    const live = this.contexts.get(id);
    if (live?.context.isClosed) return this.defer(live, message, isBlank && isClosing);
    if (!live && isBlank && !isFlush) {
      if (isClosing) this.echo(id);
      return;
    }
    const { context, settings } = live ?? this.begin(id, message);
    context.push(text);
    if (isFlush || (settings.maxBufferDelayMs === 0 && !isBlank && !isClosing)) context.flush();
    if (isClosing) context.close();
  }

  /**
   * Answers a closing message. It is always answered, even if its context failed, expired or had no text. A failure is
   * sent again. A client that has read it before may take a late `done` for the end of its next context.
   */
  private echo(id: string): void {
    const problem = this.failed.take(id);
    this.open.send(problem ? ttsErrorMessage(problem, this.upgrade.requestId, id) : doneMessage(id));
  }

  /**
   * Defers a message. The closing message of the context was read and its audio is still being made, so this message is
   * for the next context of the id.
   */
  private defer(live: LiveContext, message: TtsFrame, isEcho: boolean): void {
    // A context that has ended while its record is stored may have an end that is not told, such as its expiry.
    if (isEcho && live.deferred.length === 0 && !live.scope.hasEnded) return;
    if (live.deferred.length >= maxDeferred) {
      return live.context.fail(new ProblemError('too_large', { detail: 'Too many messages wait for this context.' }));
    }
    live.deferred.push(message);
  }

  private begin(id: string, message: TtsFrame): LiveContext {
    const settings = ttsSettings(message, this.services.catalogue, ['raw']);
    if (this.contexts.size >= maxContexts) {
      const detail = `A connection may have at most ${maxContexts} open contexts.`;
      throw new ProblemError('concurrency_limited', { detail, retryAfterSeconds: 1 });
    }
    const live = new LiveContext(this, id, settings, this.openScope(settings.voice.model));
    this.contexts.set(id, live);
    this.failed.take(id);
    // The key was valid at connection time. Work may begin while the license app is asked, but no audio is sent before it answers.
    live.context.begin();
    void this.authorise(live);
    return live;
  }

  private openScope(model?: string): RequestScope {
    const { requestId, signal, headers } = this.upgrade;
    const { admission } = this;
    const caller = { requestId, admission, signal, parent: traceHeadersOf(headers), receivedAtMs: performance.now() };
    return this.services.scopes.open(caller, contextWork(model));
  }

  private async authorise({ context, settings, scope }: LiveContext): Promise<void> {
    const headers = { ...this.upgrade.headers, ...scope.trace };
    try {
      const visitor = { ...this.upgrade, headers, connected: true };
      this.admission = await this.services.gatekeeper.admit(visitor, 'tts', settings.voice.model);
      scope.moveTo(this.admission);
      context.admit();
    } catch (error) {
      context.fail(ProblemError.from(error));
    }
  }

  private sayEnd(id: string, end: WorkEnd): void {
    switch (end.outcome) {
      case 'done':
        return this.open.send(doneMessage(id));
      case 'error':
        return this.sayProblem(end.problem, id);
      case 'cancelled':
        // A client with an idle context would take `done` for the end of a turn that it is still writing.
        if (end.reason === 'client') this.open.send(doneMessage(id));
        return;
    }
  }

  /** Refuses an invalid message. It ends its context if there is one, since the client assumes that. */
  private refuse(id: string, problem: ProblemError): void {
    const live = this.contexts.get(id);
    if (live) return live.context.fail(problem);
    this.openScope().end({ outcome: 'error', problem });
    this.sayProblem(problem, id);
  }

  private sayProblem(problem: ProblemError, contextId?: string): void {
    if (contextId !== undefined) this.failed.keep(contextId, problem);
    this.services.scopes.errors.count(problem.code);
    this.open.send(ttsErrorMessage(problem, this.upgrade.requestId, contextId));
  }

  private isOver(): boolean {
    return this.closed || this.upgrade.signal.aborted;
  }
}
