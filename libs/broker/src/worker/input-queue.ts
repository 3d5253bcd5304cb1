import type { InputEnvelope } from '@app/protocol';
import type { JobInput } from '../client';
import type { ReceivedInput } from '../job-context';

/** The inputs of an attempt in order, for one reader. They are stored until they are read. */
export class InputQueue implements AsyncIterable<ReceivedInput> {
  private readonly unread: ReceivedInput[] = [];
  private wake: () => void = () => undefined;
  private next = 0;
  private isClosed = false;

  /** Whether all of the first `count` inputs have arrived. */
  has(count: number): boolean {
    return count <= this.next;
  }

  /** Adds an input. Returns false if an input before it is missing. A repeated input is dropped. */
  take(envelope: InputEnvelope, body: Uint8Array): boolean {
    if (envelope.sequence === undefined || envelope.sequence > this.next) return false;
    if (envelope.sequence < this.next) return true;
    this.next += 1;
    this.unread.push({ input: envelope.input as JobInput, body });
    this.wake();
    return true;
  }

  /** Ends the reader at once. Unread inputs are dropped. */
  close(): void {
    this.isClosed = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedInput> {
    while (!this.isClosed) {
      const received = this.unread.shift();
      if (received) yield received;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
