/** A few bytes of a hostile file can be seconds of audio. */
const pieceBytes = 4_096;

/** The same bytes in small pieces. */
export async function* inPieces(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of input) {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
}

/** The first bytes, then the rest. */
export async function* chained(
  first: Iterable<Uint8Array>,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}
