import type { Visitor } from '../auth/gatekeeper';

/** A request to open a socket. */
export interface Upgrade extends Visitor {
  /** Aborts when the connection of the socket is closed, even if the socket never opened. */
  readonly signal: AbortSignal;
}

/** The pre-handshake check of a socket. A problem that it throws is answered over HTTP. */
export interface HandshakeCheck<Accepted = unknown> {
  /** The value that `handleConnection` gets as its third argument. */
  checkHandshake(upgrade: Upgrade): Promise<Accepted>;
}
