import type { IncomingMessage } from 'node:http';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { traceHeadersOf, type TraceHeaders } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { Gatekeeper } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { RawAudioInput, type AudioInput } from '../stt/audio-input';
import { flushDoneMessage, sttDoneMessage, transcriptMessage } from '../stt/stt-messages';
import { liveRequest } from '../stt/stt-request';
import type { SttEvent, SttSession, SttSettings } from '../stt/stt-session';
import { SttStreams } from '../stt/stt-streams';
import { sttErrorMessage } from '../wire/error-messages';
import type { Door, Upgrade } from './door';
import { OpenSocket } from './open-socket';
import { SocketRegistry } from './socket-registry';

/** What is known of a stream before its socket opens. */
interface Welcome {
  readonly requestId: string;
  readonly parent: TraceHeaders | undefined;
  readonly settings: SttSettings;
  readonly input: AudioInput;
}

/** `GET /stt/websocket`: one STT stream, which counts as active as long as the socket is open. */
@WebSocketGateway({ path: '/stt/websocket' })
export class SttSocket implements OnGatewayConnection, Door<Welcome> {
  constructor(
    private readonly config: GatewayConfig,
    private readonly gatekeeper: Gatekeeper,
    private readonly catalogue: Catalogue,
    private readonly streams: SttStreams,
    private readonly registry: SocketRegistry,
  ) {}

  async welcome(upgrade: Upgrade): Promise<Welcome> {
    const model = this.catalogue.knownModel('stt', upgrade.query.get('model') ?? '');
    const admission = await this.gatekeeper.admit(upgrade, 'stt', model);
    const { settings, format } = liveRequest(upgrade.query, this.catalogue);
    const input = new RawAudioInput(format);
    upgrade.onClosed(admission.enter());
    return { requestId: upgrade.requestId, parent: traceHeadersOf(upgrade.headers), settings, input };
  }

  /** Frames are handled one after the other in the turn in which they arrive: nothing can overtake. */
  handleConnection(
    socket: WebSocket,
    _request: IncomingMessage,
    { requestId, parent, settings, input }: Welcome,
  ): void {
    const open = new OpenSocket(socket, { idleMs: this.config.sttIdleMs }, () => undefined);
    const session = this.streams.open(settings, input, {
      requestId,
      parent,
      emit: (event) => this.say(open, event, requestId),
      drained: () => socket.resume(),
    });
    const connection = {
      isIdle: () => session.isIdle,
      settle: () => session.settle(),
      close: (code: number, reason: string) => {
        session.cancel();
        open.close(code, reason);
      },
    };
    open.start();
    this.registry.add(connection);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) session.push(data);
      else this.obey(session, open, data.toString('utf8'), requestId);
      if (session.full) socket.pause();
    });
    socket.once('close', () => {
      this.registry.delete(connection);
      session.cancel();
    });
  }

  private obey(session: SttSession, open: OpenSocket, text: string, requestId: string): void {
    switch (text.trim().replace(/^"(.*)"$/, '$1')) {
      case 'finalize':
        return session.finalize();
      case 'close':
      case 'done':
        return session.close();
      case '':
        return;
      default: {
        const problem = new ProblemError('bad_request', { detail: 'Text messages are: finalize, close, done.' });
        this.streams.told(problem);
        open.send(sttErrorMessage(problem, requestId));
      }
    }
  }

  private say(open: OpenSocket, event: SttEvent, requestId: string): void {
    switch (event.type) {
      case 'transcript':
        return open.send(transcriptMessage(event.transcript, event.isFinal, requestId));
      case 'flushed':
        return open.send(flushDoneMessage(requestId));
      case 'ended':
        return this.sayEnd(open, event, requestId);
    }
  }

  private sayEnd(open: OpenSocket, end: Extract<SttEvent, { type: 'ended' }>, requestId: string): void {
    switch (end.outcome) {
      case 'done':
        open.send(sttDoneMessage(requestId));
        return open.close(1000, 'done');
      case 'error':
        this.streams.told(end.problem);
        open.send(sttErrorMessage(end.problem, requestId));
        return open.close(end.problem.row.closeCode, end.problem.code);
      case 'cancelled':
        return;
    }
  }
}
