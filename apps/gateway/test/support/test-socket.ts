import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { until } from '../../../../test/support/until';

/** A message of the server, loosely typed: tests look at what is there. */
export interface ServerMessage {
  readonly type: string;
  readonly context_id?: string;
  readonly done?: boolean;
  readonly data?: string;
  readonly [field: string]: unknown;
}

/** Short: most tests wait for many messages, one after the other. */
const everyMs = 1;

/** A client that keeps everything it was sent. */
export class TestSocket {
  readonly messages: ServerMessage[] = [];
  closed: { code: number; reason: string } | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as ServerMessage);
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => undefined);
  }

  static async open(url: string, headers: Record<string, string> = { 'x-api-key': 'k' }): Promise<TestSocket> {
    const socket = new TestSocket(new WebSocket(url, { headers }));
    await once(socket.socket, 'open');
    return socket;
  }

  /** The status and body with which an upgrade was refused. */
  static async refused(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown>; headers: IncomingMessage['headers'] }> {
    const socket = new WebSocket(url, { headers });
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    const body = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
    return { status: response.statusCode ?? 0, body, headers: response.headers };
  }

  send(message: object | string | Uint8Array): void {
    this.socket.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  of(contextId: string): ServerMessage[] {
    return this.messages.filter((message) => message.context_id === contextId);
  }

  /** Waits until enough messages satisfy the condition; gives them. */
  async until(condition: (message: ServerMessage) => boolean, count = 1): Promise<ServerMessage[]> {
    const found = (): ServerMessage[] => this.messages.filter(condition);
    await until(() => found().length >= count || this.closed !== undefined, { everyMs });
    if (found().length >= count) return found();
    throw new Error(`closed with ${this.closed?.code}: ${JSON.stringify(this.messages.slice(-3))}`);
  }

  /** Messages of a context up to its nth `done: true`. */
  async ended(contextId: string, count = 1): Promise<ServerMessage[]> {
    await this.until((message) => message.context_id === contextId && message.done === true, count);
    return this.of(contextId);
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    await until(() => this.closed !== undefined, { everyMs });
    return this.closed as { code: number; reason: string };
  }

  close(): void {
    this.socket.terminate();
  }
}

/** All audio of these messages. */
export const audioOf = (messages: readonly ServerMessage[]): Buffer =>
  Buffer.concat(messages.flatMap(({ type, data }) => (type === 'chunk' && data ? [Buffer.from(data, 'base64')] : [])));
