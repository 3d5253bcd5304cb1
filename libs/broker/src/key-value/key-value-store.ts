import type { Subscription } from '../broker';

/** Told of a bucket's content: everything first, then each change. */
export interface KeyValueListener {
  /** The whole content: once at the start, and again whenever the bus was away. */
  onSnapshot(entries: ReadonlyMap<string, string>): void;
  /** A value was put under a key; undefined when it was deleted. */
  onChange(key: string, value: string | undefined): void;
}

/**
 * Small values by key, kept on the bus. Keys are ids: letters, digits, dashes and underscores. Two implementations: JetStream
 * key/value, and a twin in memory for tests; both pass the same conformance suite. Failures are ProblemError `bus_unavailable`.
 */
export abstract class KeyValueStore {
  /** The value; undefined where there is none. */
  abstract get(key: string): Promise<string | undefined>;
  abstract put(key: string, value: string): Promise<void>;
  /** Puts a value under a key that never had one, deleted ones included; false where it had. */
  abstract create(key: string, value: string): Promise<boolean>;
  /** Puts a value only where the present one is exactly `present`; false where it is another one or none. */
  abstract replace(key: string, present: string, value: string): Promise<boolean>;
  /** Deleting what is not there is no failure. */
  abstract delete(key: string): Promise<void>;
  abstract keys(): Promise<string[]>;
  /** Resolves after the first snapshot was given. */
  abstract watch(listener: KeyValueListener): Promise<Subscription>;
  /** Whether the bus can be reached now. */
  abstract readonly connected: boolean;
  abstract close(): Promise<void>;
}
