import { Injectable } from '@nestjs/common';
import { problems } from '@app/protocol';

/** A connection that the server closes when it stops. */
export interface Connection {
  /** Whether it can be closed without cutting off work. */
  isIdle(): boolean;
  /** Called when the server stops soon. Audio that was held for later is sent now. */
  drain(): void;
  /** Requests the results that can be ready soon. The connection is not idle until they have been sent. */
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

  /** Called when the server stops soon. All connections send the audio that they hold. */
  drain(): void {
    for (const connection of [...this.connections]) connection.drain();
  }

  /** Closes connections without active work, so that their clients connect elsewhere. */
  closeIdle(): void {
    for (const connection of [...this.connections]) if (connection.isIdle()) this.restart(connection);
  }

  /** Closes every connection once it has settled, and after `timeoutMs` milliseconds at the latest. */
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
