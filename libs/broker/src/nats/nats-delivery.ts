import { nanos, type Msg } from '@nats-io/transport-node';
import type { Delivery } from '../broker';
import type { JobHeaders } from '../job-lanes';

/** Reads the fields that matter from a JetStream reply subject, which has 9, 11 or 12 tokens. */
function placeOf(replySubject: string): { deliveryCount: number; sequence: number } {
  const tokens = replySubject.split('.');
  const at = tokens.length === 9 ? 4 : 6;
  return { deliveryCount: Number(tokens[at]), sequence: Number(tokens[at + 1]) };
}

/** A JetStream message; every verdict is published to its reply subject at once, and is lost while the bus is away. */
export class NatsDelivery implements Delivery {
  readonly sequence: number;
  readonly deliveryCount: number;

  constructor(private readonly message: Msg) {
    const place = placeOf(message.reply ?? '');
    this.sequence = place.sequence;
    this.deliveryCount = place.deliveryCount;
  }

  get payload(): Uint8Array {
    return this.message.data;
  }

  /** All but the server's own. */
  get headers(): JobHeaders {
    const found = this.message.headers;
    const names = (found?.keys() ?? []).filter((name) => !name.startsWith('Nats-'));
    return Object.fromEntries(names.map((name) => [name.toLowerCase(), found?.get(name) ?? '']));
  }

  ack(): void {
    this.say('+ACK');
  }

  nak(delayMs = 0): void {
    this.say(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(delayMs) })}` : '-NAK');
  }

  working(): void {
    this.say('+WPI');
  }

  term(): void {
    this.say('+TERM');
  }

  private say(verdict: string): void {
    try {
      this.message.respond(verdict);
    } catch {
      // The connection is closed for good: the job goes to another worker when its ack wait has passed.
    }
  }
}
