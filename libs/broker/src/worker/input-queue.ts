import { Observable, type Subscriber } from 'rxjs';
import type { InputEnvelope } from '@app/protocol';
import type { JobInput } from '../client';

/** An input as a handler gets it. */
export interface ReceivedInput {
  readonly input: JobInput;
  readonly body: Uint8Array;
}

/** Inputs of an attempt in order; held back until the handler subscribes. */
export class InputQueue {
  /** For one subscriber. */
  readonly inputs: Observable<ReceivedInput>;
  private readonly held: ReceivedInput[] = [];
  private subscriber: Subscriber<ReceivedInput> | undefined;
  private next = 0;

  constructor() {
    this.inputs = new Observable((subscriber) => {
      for (const received of this.held.splice(0)) subscriber.next(received);
      this.subscriber = subscriber;
      return () => {
        this.subscriber = undefined;
      };
    });
  }

  /** Whether all of the first `count` inputs have come. */
  has(count: number): boolean {
    return count <= this.next;
  }

  /** False when an input before this one is missing. One that came before is dropped. */
  take(envelope: InputEnvelope, body: Uint8Array): boolean {
    if (envelope.sequence === undefined || envelope.sequence > this.next) return false;
    if (envelope.sequence < this.next) return true;
    this.next += 1;
    const received = { input: envelope.input as JobInput, body };
    if (this.subscriber) this.subscriber.next(received);
    else this.held.push(received);
    return true;
  }
}
