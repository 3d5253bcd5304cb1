import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ProblemError } from '@app/protocol';

/** A message for the operator. Before a first connection there is no caller. */
const unreachable = 'No server of NATS_URL could be reached: start one, or correct the variable.';
/** Pause between attempts to connect for the first time, in milliseconds. */
const retryPauseMs = 200;

/**
 * Connects. The connection then reconnects for ever. Throws `bus_unavailable` if no server could be reached in time.
 */
export async function firstConnection(
  servers: readonly string[],
  name: string,
  connectTimeoutMs: number,
): Promise<NatsConnection> {
  const untilMs = performance.now() + connectTimeoutMs;
  for (;;) {
    try {
      return await connect({
        servers: [...servers],
        name,
        timeout: 2_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        ignoreAuthErrorAbort: true,
        pingInterval: 5_000,
        noAsyncTraces: true,
      });
    } catch (error) {
      if (performance.now() >= untilMs)
        throw new ProblemError('bus_unavailable', { detail: unreachable, cause: error });
      await new Promise((resolve) => setTimeout(resolve, retryPauseMs));
    }
  }
}

/** Rejects if the promise takes too long. Calls during an outage do. */
export async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
