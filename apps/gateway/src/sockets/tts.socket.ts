import type { IncomingMessage } from 'node:http';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { traceHeadersOf } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { Gatekeeper, type Admission, type Visitor } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { TtsContexts } from '../tts/tts-contexts';
import { TtsSession } from '../tts/tts-session';
import type { Door, Upgrade } from './door';
import { OpenSocket } from './open-socket';
import { SocketRegistry } from './socket-registry';

/** Who opened the socket. */
interface Welcome {
  readonly visitor: Visitor;
  readonly admission: Admission;
}

/** `GET /tts/websocket`: many contexts on one connection, each authorised like a request of its own. */
@WebSocketGateway({ path: '/tts/websocket' })
export class TtsSocket implements OnGatewayConnection, Door<Welcome> {
  constructor(
    private readonly config: GatewayConfig,
    private readonly gatekeeper: Gatekeeper,
    private readonly catalogue: Catalogue,
    private readonly contexts: TtsContexts,
    private readonly registry: SocketRegistry,
  ) {}

  async welcome(upgrade: Upgrade): Promise<Welcome> {
    return { visitor: upgrade, admission: await this.gatekeeper.admit(upgrade, 'tts') };
  }

  /** Frames are handled one after the other in the turn in which they arrive: nothing can overtake. */
  handleConnection(socket: WebSocket, _request: IncomingMessage, { visitor, admission }: Welcome): void {
    const open = new OpenSocket(socket, { idleMs: this.config.ttsIdleMs }, () => session.wake());
    const parent = traceHeadersOf(visitor.headers);
    const session = new TtsSession({
      catalogue: this.catalogue,
      requestId: visitor.requestId,
      openContext: (settings, ports) => this.contexts.open(settings, { ...ports, parent }),
      backlogged: () => open.backlogged,
      admission,
      authorize: ({ voice }, trace) =>
        this.gatekeeper.admit({ ...visitor, headers: { ...visitor.headers, ...trace } }, 'tts', voice.model),
      send: (message) => open.send(message),
      close: (code, reason) => open.close(code, reason),
      refused: (problem) => this.contexts.refused(problem, visitor.requestId),
      told: (problem) => this.contexts.told(problem),
    });
    const connection = {
      isIdle: () => session.size === 0,
      settle: () => undefined,
      close: (code: number, reason: string) => {
        session.close('draining');
        open.close(code, reason);
      },
    };
    open.start();
    this.registry.add(connection);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) session.refuseConnection(new ProblemError('media_type_not_supported', { detail: textOnly }));
      else session.receive(data.toString('utf8'));
    });
    socket.once('close', () => {
      this.registry.delete(connection);
      session.close('disconnected');
    });
  }
}

const textOnly = 'This socket takes text messages, each a JSON object.';
