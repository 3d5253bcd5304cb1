import { Injectable } from '@nestjs/common';
import { problems } from '@app/protocol';

/** A connection that a stopping server says goodbye to. */
export interface Connection {
  /** Whether it may be closed without cutting anything off. */
  isIdle(): boolean;
  close(code: number, reason: string): void;
}

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

  get size(): number {
    return this.connections.size;
  }

  /** Asks clients with nothing at work to connect elsewhere. */
  closeIdle(): void {
    for (const connection of this.connections) if (connection.isIdle()) this.restart(connection);
  }

  /** Asks everybody to connect elsewhere. */
  closeAll(): void {
    for (const connection of this.connections) this.restart(connection);
  }

  private restart(connection: Connection): void {
    connection.close(problems.draining.closeCode, 'draining');
  }
}
