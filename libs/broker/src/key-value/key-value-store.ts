import type { Subscription } from '../broker';

/** Receives a bucket's content: first a snapshot, then each change. */
export interface KeyValueListener {
  /** Called with the whole content at the start, and again after each outage of NATS. */
  onSnapshot(entries: ReadonlyMap<string, string>): void;
  /** Called when a value was stored under a key. The value is undefined if the key was deleted. */
  onChange(key: string, value: string | undefined): void;
}

/**
 * Stores small values by key on NATS. Keys are ids: letters, digits, dashes and underscores. There are two
 * implementations, JetStream key/value and one in memory for tests. Both pass the same conformance suite. Failures are
 * ProblemError `bus_unavailable`.
 */
export abstract class KeyValueStore {
  /** Returns the value, or undefined if there is none. */
  abstract get(key: string): Promise<string | undefined>;
  abstract put(key: string, value: string): Promise<void>;
  /** Stores a value under a key that never had one. Returns false if the key has or had a value. */
  abstract create(key: string, value: string): Promise<boolean>;
  /** Stores a value only if the present value is exactly `present`. Returns false if there is another value or none. */
  abstract replace(key: string, present: string, value: string): Promise<boolean>;
  /** Deletes a key. A missing key is not an error. */
  abstract delete(key: string): Promise<void>;
  abstract keys(): Promise<string[]>;
  /** Resolves after the first snapshot. */
  abstract watch(listener: KeyValueListener): Promise<Subscription>;
  /** Whether the bus can be reached now. */
  abstract readonly connected: boolean;
  abstract close(): Promise<void>;
}
