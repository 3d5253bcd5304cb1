import { laneName, type Lane } from '@app/protocol';
import type { MessageHandler, Subscription } from '../broker';
import { ackWaitMs, backlogBound, firstSequence } from '../lane-limits';
import { MemoryLane } from './memory-lane';

/** A message on its way to the subscribers of its subject. */
export interface MemoryMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly reply?: (payload: Uint8Array) => void;
}

/** A hook between publisher and subscribers. It calls `deliver` once, later, twice or never. */
export type Relay = (message: MemoryMessage, deliver: () => void) => void;

interface Subscriber {
  readonly pattern: readonly string[];
  readonly handler: MessageHandler;
}

/** The server of the memory brokers of one process. It uses the global timers, so that fake timers control it. */
export class MemoryBus {
  /** Hook for tests of lost, late and duplicate messages. */
  relay: Relay = (_message, deliver) => deliver();
  private readonly lanes = new Map<string, MemoryLane>();
  private readonly subscribers = new Set<Subscriber>();
  private readonly lifeListeners = new Set<(up: boolean) => void>();
  private isUp = true;
  private usedUpTo = 0;

  constructor(private readonly now: () => number = Date.now) {}

  get up(): boolean {
    return this.isUp;
  }

  /** Stops the server. Its lanes and jobs are lost. */
  stop(): void {
    this.isUp = false;
    for (const lane of this.lanes.values()) {
      this.usedUpTo = Math.max(this.usedUpTo, lane.next);
      lane.clear();
    }
    this.lanes.clear();
    for (const listener of this.lifeListeners) listener(false);
  }

  /** Starts the server again after `stop`. */
  start(): void {
    this.isUp = true;
    for (const listener of this.lifeListeners) listener(true);
  }

  onLifeChange(listener: (up: boolean) => void): Subscription {
    this.lifeListeners.add(listener);
    return { unsubscribe: () => void this.lifeListeners.delete(listener) };
  }

  /** Returns the lane, created if it is missing. */
  lane(lane: Lane): MemoryLane {
    const name = laneName(lane);
    let found = this.lanes.get(name);
    if (!found) {
      found = new MemoryLane(Math.max(firstSequence(this.now()), this.usedUpTo), ackWaitMs, backlogBound(lane));
      this.lanes.set(name, found);
    }
    return found;
  }

  subscribe(subject: string, handler: MessageHandler): Subscription {
    const subscriber = { pattern: subject.split('.'), handler };
    this.subscribers.add(subscriber);
    return { unsubscribe: () => void this.subscribers.delete(subscriber) };
  }

  /** Delivers the message. Returns false if there is no subscriber. */
  publish(message: MemoryMessage): boolean {
    const tokens = message.subject.split('.');
    const to = [...this.subscribers].filter((subscriber) => matches(subscriber.pattern, tokens));
    if (to.length > 0) this.relay(message, () => this.hand(message, to));
    return to.length > 0;
  }

  /** Delivers in order in a later turn, like a network. */
  private hand(message: MemoryMessage, to: readonly Subscriber[]): void {
    void Promise.resolve().then(() => {
      for (const subscriber of to) {
        if (this.isUp && this.subscribers.has(subscriber)) {
          subscriber.handler(message.payload, message.subject, message.reply);
        }
      }
    });
  }
}

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  const rest = pattern.at(-1) === '>';
  if (rest ? subject.length < pattern.length : subject.length !== pattern.length) return false;
  return pattern.every((token, index) => token === '*' || token === '>' || token === subject[index]);
}
