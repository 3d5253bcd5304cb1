const blockBytes = 1_048_576;

/** A file that is held in memory once. Joining its pieces would need its size again. */
export class HeldFile {
  private readonly blocks: Uint8Array[] = [];
  private bytes = 0;

  get size(): number {
    return this.bytes;
  }

  append(piece: Uint8Array): void {
    for (let taken = 0; taken < piece.length;) {
      const at = this.bytes % blockBytes;
      if (at === 0) this.blocks.push(new Uint8Array(blockBytes));
      const part = piece.subarray(taken, taken + blockBytes - at);
      this.blocks.at(-1)?.set(part, at);
      taken += part.length;
      this.bytes += part.length;
    }
  }

  /** A copy of the bytes from `start` to before `end`, which are in the file. */
  read(start: number, end: number): Uint8Array {
    const copy = new Uint8Array(end - start);
    for (let at = start; at < end;) {
      const from = at % blockBytes;
      const part = this.blocks[Math.floor(at / blockBytes)]?.subarray(from, from + end - at) ?? copy.subarray(0, 0);
      if (part.length === 0) throw new RangeError('The file ends before these bytes');
      copy.set(part, at - start);
      at += part.length;
    }
    return copy;
  }
}
