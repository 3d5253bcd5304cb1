import { ProblemError } from '@app/protocol';
import type { Subscription } from '../broker';
import { KeyValueStore, type KeyValueListener } from './key-value-store';

/**
 * In-memory implementation for tests, with the behaviour of the JetStream bucket. `disconnect` and `reconnect` simulate
 * an outage.
 */
export class MemoryKeyValue extends KeyValueStore {
  /** Deleted keys stay, with the value undefined. */
  private readonly entries = new Map<string, string | undefined>();
  private readonly listeners = new Set<KeyValueListener>();
  private isConnected = true;

  get connected(): boolean {
    return this.isConnected;
  }

  async get(key: string): Promise<string | undefined> {
    await this.reach();
    return this.entries.get(key);
  }

  async put(key: string, value: string): Promise<void> {
    await this.reach();
    this.set(key, value);
  }

  async create(key: string, value: string): Promise<boolean> {
    await this.reach();
    if (this.entries.has(key)) return false;
    this.set(key, value);
    return true;
  }

  async replace(key: string, present: string, value: string): Promise<boolean> {
    await this.reach();
    if (this.entries.get(key) !== present) return false;
    this.set(key, value);
    return true;
  }

  async delete(key: string): Promise<void> {
    await this.reach();
    if (this.entries.get(key) !== undefined) this.set(key, undefined);
  }

  async keys(): Promise<string[]> {
    await this.reach();
    return [...this.snapshot().keys()];
  }

  async watch(listener: KeyValueListener): Promise<Subscription> {
    await this.reach();
    this.listeners.add(listener);
    listener.onSnapshot(this.snapshot());
    return { unsubscribe: () => void this.listeners.delete(listener) };
  }

  /** Starts an outage: calls fail, and changes are not passed on. */
  disconnect(): void {
    this.isConnected = false;
  }

  /** Ends an outage: watchers get a snapshot. */
  reconnect(): void {
    this.isConnected = true;
    for (const listener of this.listeners) listener.onSnapshot(this.snapshot());
  }

  /** The bus loses its disk: nothing is left, deleted keys included. */
  loseEverything(): void {
    this.disconnect();
    this.entries.clear();
  }

  async close(): Promise<void> {
    this.listeners.clear();
    this.isConnected = false;
    await Promise.resolve();
  }

  private set(key: string, value: string | undefined): void {
    this.entries.set(key, value);
    for (const listener of this.listeners) listener.onChange(key, value);
  }

  private snapshot(): Map<string, string> {
    return new Map([...this.entries].filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  private async reach(): Promise<void> {
    await Promise.resolve();
    if (!this.isConnected) throw new ProblemError('bus_unavailable');
  }
}
