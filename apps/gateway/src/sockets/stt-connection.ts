import type { WebSocket } from 'ws';
import type { ErrorMetrics } from '@app/platform';
import type { PcmAudio } from '@app/media';
import { ProblemError } from '@app/protocol';
import type { RequestScope } from '../scope/request-scope';
import type { SttClient, SttEnd, SttEvent, SttSettings } from '../stt/stream-events';
import { flushDoneMessage, sttDoneMessage, transcriptMessage } from '../stt/stt-messages';
import { SttSession } from '../stt/stt-session';
import { sttErrorMessage } from '../wire/error-messages';
import { OpenSocket } from './open-socket';
import type { Connection } from './socket-registry';

/** The data of a stream that is known before its socket opens. */
export interface AcceptedStream {
  readonly scope: RequestScope;
  readonly settings: SttSettings;
  readonly audio: PcmAudio;
}

/** One client's STT socket. Turns frames into calls of the session and its events into messages. */
export class SttConnection implements Connection, SttClient {
  private readonly open: OpenSocket;
  private readonly session: SttSession;
  private readonly requestId: string;
  private readonly audio: PcmAudio;

  constructor(
    private readonly socket: WebSocket,
    { scope, settings, audio }: AcceptedStream,
    private readonly errors: Pick<ErrorMetrics, 'count'>,
    idleMs: number,
  ) {
    this.requestId = scope.requestId;
    this.audio = audio;
    this.open = new OpenSocket(socket, { idleMs }, () => undefined);
    this.session = new SttSession(scope, settings, audio, this);
    this.open.start();
  }

  isIdle(): boolean {
    return this.session.isIdle;
  }

  drain(): void {
    // Transcripts are never held back.
  }

  settle(): void {
    this.session.settle();
  }

  close(code: number, reason: string): void {
    this.session.cancel('draining');
    this.open.close(code, reason);
  }

  hear(bytes: Uint8Array): void {
    if (!this.session.takesAudio) return;
    this.session.push(this.audio.push(bytes));
    if (this.session.full) this.socket.pause();
  }

  /** Handles a text frame: a command, with or without the quotes of JSON. */
  obey(text: string): void {
    switch (text.trim().replace(/^"(.*)"$/, '$1')) {
      case 'finalize':
        return this.session.finalize();
      case 'close':
      case 'done':
        this.session.push(this.audio.end());
        return this.session.close();
      case '':
        return;
      default:
        return this.sayProblem(
          new ProblemError('bad_request', { detail: 'Text messages are: finalize, close, done.' }),
        );
    }
  }

  receive(event: SttEvent): void {
    switch (event.type) {
      case 'transcript':
        return this.open.send(transcriptMessage(event.transcript, event.isFinal, this.requestId));
      case 'flushed':
        return this.open.send(flushDoneMessage(this.requestId));
      case 'ended':
        return this.sayEnd(event);
    }
  }

  drained(): void {
    this.socket.resume();
  }

  private sayEnd(end: SttEnd): void {
    switch (end.outcome) {
      case 'done':
        this.open.send(sttDoneMessage(this.requestId));
        return this.open.close(1000, 'done');
      case 'error':
        this.sayProblem(end.problem);
        return this.open.close(end.problem.row.closeCode, end.problem.code);
      case 'cancelled':
        return;
    }
  }

  private sayProblem(problem: ProblemError): void {
    this.errors.count(problem.code);
    this.open.send(sttErrorMessage(problem, this.requestId));
  }
}
