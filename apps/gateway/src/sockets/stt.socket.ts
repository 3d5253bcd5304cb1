import type { IncomingMessage } from 'node:http';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { RawAudio } from '@app/media';
import { traceHeadersOf } from '@app/platform';
import { Gatekeeper } from '../auth/gatekeeper';
import { Catalogue } from '../catalogue/catalogue';
import { GatewayConfig } from '../gateway.config';
import { RequestScopes } from '../scope/request-scopes';
import { liveRequest } from '../stt/stt-request';
import type { HandshakeCheck, Upgrade } from './handshake-check';
import { SocketRegistry } from './socket-registry';
import { SttConnection, type AcceptedStream } from './stt-connection';

/** `GET /stt/websocket`: one STT stream. It counts as active even before its socket opens. */
@WebSocketGateway({ path: '/stt/websocket' })
export class SttSocket implements OnGatewayConnection, HandshakeCheck<AcceptedStream> {
  constructor(
    private readonly config: GatewayConfig,
    private readonly gatekeeper: Gatekeeper,
    private readonly catalogue: Catalogue,
    private readonly scopes: RequestScopes,
    private readonly registry: SocketRegistry,
  ) {}

  async checkHandshake(upgrade: Upgrade): Promise<AcceptedStream> {
    const model = this.catalogue.knownModel('stt', upgrade.query.get('model') ?? '');
    const admission = await this.gatekeeper.admit(upgrade, 'stt', model);
    const { settings, format } = liveRequest(upgrade.query, this.catalogue);
    const audio = new RawAudio(format);
    const { requestId, signal, headers } = upgrade;
    const caller = { requestId, admission, signal, parent: traceHeadersOf(headers), receivedAtMs: performance.now() };
    const work = { kind: 'stt', name: 'stt stream', model: settings.model.model } as const;
    return { scope: this.scopes.openActive(caller, work), settings, audio };
  }

  /** Frames are handled one after another in the order of arrival. */
  handleConnection(socket: WebSocket, _request: IncomingMessage, accepted: AcceptedStream): void {
    const connection = new SttConnection(socket, accepted, this.scopes.errors, this.config.sttIdleMs);
    this.registry.add(connection);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) connection.hear(data);
      else connection.obey(data.toString('utf8'));
    });
    socket.once('close', () => this.registry.delete(connection));
  }
}
