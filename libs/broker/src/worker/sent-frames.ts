/** The frames of an attempt as sent, kept to be sent again; the oldest are forgotten beyond `maxBytes`. */
export class SentFrames {
  private frames: Uint8Array[] = [];
  private firstSequence = 0;
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** The sequence of the next frame. */
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

  /** All frames from this sequence on; undefined when some are forgotten. */
  from(sequence: number): readonly Uint8Array[] | undefined {
    return sequence < this.firstSequence ? undefined : this.frames.slice(sequence - this.firstSequence);
  }
}
