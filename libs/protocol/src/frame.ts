/**
 * Encodes a NATS message: a header (JSON) and a binary body, which is empty for most messages. Layout: the length of
 * the header in bytes as u32 little endian, the header in UTF-8, zero bytes up to a multiple of 4, then the body. A
 * body of 32-bit samples is therefore aligned within its frame.
 */
export function encodeFrame(header: object, body?: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const bodyAt = align4(4 + json.length);
  const frame = Buffer.alloc(bodyAt + (body?.length ?? 0));
  frame.writeUInt32LE(json.length, 0);
  json.copy(frame, 4);
  if (body) frame.set(body, bodyAt);
  return frame;
}

/** Decodes a frame without validating the header. Throws a RangeError if it is not a frame. The body is a view. */
export function decodeFrame(frame: Uint8Array): { header: unknown; body: Uint8Array } {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const jsonLength = bytes.length >= 4 ? bytes.readUInt32LE(0) : Infinity;
  if (4 + jsonLength > bytes.length) throw new RangeError('not a frame: shorter than its header says');
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 4, 4 + jsonLength));
  } catch {
    // The cause is left out, since its message quotes the header, which may contain a transcript.
    throw new RangeError('not a frame: its header is not JSON');
  }
  return { header, body: bytes.subarray(Math.min(align4(4 + jsonLength), bytes.length)) };
}

const align4 = (length: number): number => (length + 3) & ~3;

/** Copies a body of 32-bit float samples (little endian) into a typed array. A received body may be unaligned. */
export function samplesOf(body: Uint8Array): Float32Array {
  const samples = new Float32Array(body.byteLength >> 2);
  new Uint8Array(samples.buffer).set(body.subarray(0, samples.byteLength));
  return samples;
}

/** A view of samples as a frame body, not a copy. */
export const bodyOf = (samples: Float32Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
