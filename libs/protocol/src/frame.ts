/**
 * A message on the bus: a header (JSON) and a binary body, empty for most.
 * Layout: u32 little endian length of the header in bytes, the header in UTF-8, then zero bytes up to a multiple of 4, then
 * the body; so a body of 32-bit samples is aligned within its frame.
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

/** Reads a frame; the header is not validated yet. A RangeError means that it is not a frame. The body is a view. */
export function decodeFrame(frame: Uint8Array): { header: unknown; body: Uint8Array } {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const jsonLength = bytes.length >= 4 ? bytes.readUInt32LE(0) : Infinity;
  if (4 + jsonLength > bytes.length) throw new RangeError('not a frame: shorter than its header says');
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 4, 4 + jsonLength));
  } catch {
    // Without the cause, whose message quotes the header: there may be a transcript in it.
    throw new RangeError('not a frame: its header is not JSON');
  }
  return { header, body: bytes.subarray(Math.min(align4(4 + jsonLength), bytes.length)) };
}

const align4 = (length: number): number => (length + 3) & ~3;

/** The body of 32-bit float samples (little endian) as a typed array; copied, since a received body may be unaligned. */
export function samplesOf(body: Uint8Array): Float32Array {
  const samples = new Float32Array(body.byteLength >> 2);
  new Uint8Array(samples.buffer).set(body.subarray(0, samples.byteLength));
  return samples;
}

/** Samples as a frame body; a view, not a copy. */
export const bodyOf = (samples: Float32Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
