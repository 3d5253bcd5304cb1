/** Stores the sent frames of an attempt so that they can be sent again. Beyond `maxBytes` the oldest are dropped. */
export class SentFrames {
  private frames: Uint8Array[] = [];
  private firstSequence = 0;
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** The sequence number of the next frame. */
  get next(): number {
    return this.firstSequence + this.frames.length;
  }

  add(frame: Uint8Array): void {
    this.frames.push(frame);
    this.bytes += frame.byteLength;
    while (this.bytes > this.maxBytes && this.frames.length > 1) {
      this.bytes -= this.frames.shift()?.byteLength ?? 0;
      this.firstSequence += 1;
    }
  }

  /** All frames from this sequence number on. Undefined if some of them were dropped. */
  from(sequence: number): readonly Uint8Array[] | undefined {
    return sequence < this.firstSequence ? undefined : this.frames.slice(sequence - this.firstSequence);
  }
}
