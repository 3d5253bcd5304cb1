import type { Visitor } from '../auth/gatekeeper';

/** A request to open a socket. */
export interface Upgrade extends Visitor {
  /** Aborts when the connection under the socket is gone, whether or not the socket ever opened. */
  readonly signal: AbortSignal;
}

/** Decides before the handshake whether a socket may open; a thrown problem is answered over HTTP. */
export interface Door<Welcome = unknown> {
  /** What `handleConnection` is given as its third argument. */
  welcome(upgrade: Upgrade): Promise<Welcome>;
}
