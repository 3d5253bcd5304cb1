import type { IncomingMessage } from 'node:http';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { ProblemError } from '@app/protocol';
import { Gatekeeper, type Admission } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { RequestScopes } from '../scope/request-scopes';
import type { HandshakeCheck, Upgrade } from './handshake-check';
import { SocketRegistry } from './socket-registry';
import { TtsConnection, type TtsServices } from './tts-connection';

/** The upgrade that opened the socket, and its admission. */
interface AcceptedUpgrade {
  readonly upgrade: Upgrade;
  readonly admission: Admission;
}

/** `GET /tts/websocket`: many contexts on one connection. Each context is authorised like a separate request. */
@WebSocketGateway({ path: '/tts/websocket' })
export class TtsSocket implements OnGatewayConnection, HandshakeCheck<AcceptedUpgrade>, TtsServices {
  constructor(
    readonly config: GatewayConfig,
    readonly gatekeeper: Gatekeeper,
    readonly catalogue: Catalogue,
    readonly scopes: RequestScopes,
    private readonly registry: SocketRegistry,
  ) {}

  async checkHandshake(upgrade: Upgrade): Promise<AcceptedUpgrade> {
    return { upgrade, admission: await this.gatekeeper.admit(upgrade, 'tts') };
  }

  /** Frames are handled one after another in the order of arrival. */
  handleConnection(socket: WebSocket, _request: IncomingMessage, { upgrade, admission }: AcceptedUpgrade): void {
    const connection = new TtsConnection(this, socket, upgrade, admission);
    this.registry.add(connection);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) connection.refuseConnection(new ProblemError('media_type_not_supported', { detail: textOnly }));
      else connection.receive(data.toString('utf8'));
    });
    socket.once('close', () => this.registry.delete(connection));
  }
}

const textOnly = 'This socket takes text messages, each a JSON object.';
