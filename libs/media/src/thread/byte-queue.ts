import { SpeechError } from '@app/speech/audio';

/** Most bytes that are read without a sound among them. Bounds the memory that a file can make a decoder use. */
const maxSilentBytes = 64 * 1024 * 1024;

/** The bytes of a recording in the order of their arrival. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  private readonly pieces: Uint8Array[] = [];
  private hasEnded = false;
  private silentBytes = 0;
  private wake: () => void = () => undefined;

  /** `onTaken` is called with the length of each piece when it is read. */
  constructor(private readonly onTaken: (bytes: number) => void) {}

  /** Whether all bytes have arrived and were read. */
  get isDrained(): boolean {
    return this.hasEnded && this.pieces.length === 0;
  }

  push(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.wake();
  }

  end(): void {
    this.hasEnded = true;
    this.wake();
  }

  /** Call this when the bytes so far have given audio. */
  heard(): void {
    this.silentBytes = 0;
  }

  /** The first bytes, which stay in the queue. Undefined if there are none. */
  async peek(): Promise<Uint8Array | undefined> {
    await this.arrival();
    return this.pieces[0];
  }

  /** The next piece, or undefined at the end. Throws a SpeechError if no audio was found in many bytes. */
  async next(): Promise<Uint8Array | undefined> {
    await this.arrival();
    const piece = this.pieces.shift();
    if (!piece) return undefined;
    this.onTaken(piece.length);
    this.silentBytes += piece.length;
    if (this.silentBytes > maxSilentBytes) {
      throw new SpeechError(`The file has no audio in ${maxSilentBytes / 1024 / 1024} MiB of it`);
    }
    return piece;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let piece = await this.next(); piece; piece = await this.next()) yield piece;
  }

  private async arrival(): Promise<void> {
    while (this.pieces.length === 0 && !this.hasEnded) await new Promise<void>((resolve) => (this.wake = resolve));
  }
}
