import { nanos, type Msg } from '@nats-io/transport-node';
import type { Delivery } from '../broker';
import type { JobHeaders } from '../job-lanes';

/** The sequence number in a JetStream reply subject, which has 9, 11 or 12 tokens. Undefined for any other subject. */
function sequenceIn(replySubject: string): number | undefined {
  const tokens = replySubject.split('.');
  if (!replySubject.startsWith('$JS.ACK.') || ![9, 11, 12].includes(tokens.length)) return undefined;
  const sequence = Number(tokens[tokens.length === 9 ? 5 : 7]);
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}

/** The delivery of a message. Undefined if JetStream did not deliver it, since it could not be acked. */
export function deliveryOf(message: Msg): Delivery | undefined {
  const sequence = sequenceIn(message.reply ?? '');
  return sequence === undefined ? undefined : new NatsDelivery(message, sequence);
}

/** A JetStream message. Every verdict is published to its reply subject at once and is lost during an outage. */
class NatsDelivery implements Delivery {
  constructor(
    private readonly message: Msg,
    readonly sequence: number,
  ) {}

  get payload(): Uint8Array {
    return this.message.data;
  }

  /** All headers except those of the server. */
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
      // The connection is closed for good. The job goes to another worker after its ack wait.
    }
  }
}
