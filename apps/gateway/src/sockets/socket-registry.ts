import { Injectable } from '@nestjs/common';
import { problems } from '@app/protocol';

/** A connection that a stopping server says goodbye to. */
export interface Connection {
  /** Whether it may be closed without cutting anything off. */
  isIdle(): boolean;
  /** The server stops soon: what was held back for later is sent now. */
  drain(): void;
  /** Asks for the rest of what can be said soon; until it is, the connection is not idle. */
  settle(): void;
  close(code: number, reason: string): void;
}

const pollMs = 20;

/** All open sockets of this gateway. */
@Injectable()
export class SocketRegistry {
  private readonly connections = new Set<Connection>();

  add(connection: Connection): void {
    this.connections.add(connection);
  }

  delete(connection: Connection): void {
    this.connections.delete(connection);
  }

  /** The server stops soon: what is held back for later is sent now. */
  drain(): void {
    for (const connection of [...this.connections]) connection.drain();
  }

  /** Asks clients with nothing at work to connect elsewhere. */
  closeIdle(): void {
    for (const connection of [...this.connections]) if (connection.isIdle()) this.restart(connection);
  }

  /** Asks everybody to connect elsewhere, each once it is settled, after `timeoutMs` at the latest. */
  async closeAll(timeoutMs: number): Promise<void> {
    for (const connection of this.connections) connection.settle();
    const until = performance.now() + timeoutMs;
    for (this.closeIdle(); this.connections.size > 0 && performance.now() < until; this.closeIdle()) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    for (const connection of [...this.connections]) this.restart(connection);
  }

  private restart(connection: Connection): void {
    this.connections.delete(connection);
    connection.close(problems.draining.closeCode, 'draining');
  }
}
