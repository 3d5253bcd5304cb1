import { samplesOfMs } from './partial-pacing';

/** Utterances that may wait for their text while more audio is taken in… */
const maxPending = 3;
/** …and the most audio since the first of them: a session forgets what is 40 s older than what was taken in. */
const maxPendingSamples = samplesOfMs(35_000);

interface PendingFinal {
  readonly startSample: number;
  readonly said: Promise<void>;
}

/** Lets finals, and what must come after them, leave in the order of the audio, whenever they are recognised. */
export class FinalOrder {
  private last: Promise<void> = Promise.resolve();
  private readonly pending: PendingFinal[] = [];

  /** `failed` hears what the callbacks reject with. */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Whether no final waits for its text. */
  get isEmpty(): boolean {
    return this.pending.length === 0;
  }

  /** Once `recognised` is there and all before it was said, `say` is called with it. */
  add<Text>(startSample: number, recognised: Promise<Text>, say: (text: Text) => void): void {
    // Whoever awaits it comes later; until then a failure is not unhandled.
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

  /** Resolves when few enough finals wait, given that audio was taken in up to `heardSample`; at once when `isOver`. */
  async room(heardSample: number, isOver: () => boolean): Promise<void> {
    for (let first = this.pending[0]; first; first = this.pending[0]) {
      if (isOver()) return;
      if (this.pending.length < maxPending && heardSample - first.startSample < maxPendingSamples) return;
      await first.said;
    }
  }
}
