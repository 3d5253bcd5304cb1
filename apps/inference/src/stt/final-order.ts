import { samplesOfMs } from './partial-pacing';

/** Most utterances that may wait for their text while more audio is taken in. */
const maxPending = 3;
/** Most audio since the first of them. The session drops audio that is 40 s older than the audio taken in. */
const maxPendingSamples = samplesOfMs(35_000);

interface PendingFinal {
  readonly startSample: number;
  readonly said: Promise<void>;
}

/** Sends finals, and the outputs that must follow them, in the order of the audio, whenever they are recognised. */
export class FinalOrder {
  private last: Promise<void> = Promise.resolve();
  private readonly pending: PendingFinal[] = [];

  /** `failed` is called with the rejections of the callbacks. */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Whether no final waits for its text. */
  get isEmpty(): boolean {
    return this.pending.length === 0;
  }

  /** Calls `say` with the text once `recognised` has resolved and everything before it was sent. */
  add<Text>(startSample: number, recognised: Promise<Text>, say: (text: Text) => void): void {
    // It is awaited later. A failure before that must not count as an unhandled rejection.
    recognised.catch(() => undefined);
    const said = this.after(async () => {
      const text = await recognised;
      this.pending.shift();
      say(text);
    });
    this.pending.push({ startSample, said });
  }

  /** Calls `say` after everything that was added so far. */
  after(say: () => void | Promise<void>): Promise<void> {
    this.last = this.last.then(say).catch((error: unknown) => this.failed(error));
    return this.last;
  }

  /**
   * Resolves when few enough finals wait, given that audio up to `heardSample` was taken in. Resolves at once if
   * `isOver`.
   */
  async room(heardSample: number, isOver: () => boolean): Promise<void> {
    for (let first = this.pending[0]; first; first = this.pending[0]) {
      if (isOver()) return;
      if (this.pending.length < maxPending && heardSample - first.startSample < maxPendingSamples) return;
      await first.said;
    }
  }
}
