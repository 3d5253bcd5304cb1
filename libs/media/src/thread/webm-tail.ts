/** Elements that are entered. All others are passed over. */
const segmentId = 0x18538067;
const clusterId = 0x1f43b675;
/** A larger gap in the last cluster is damage. */
const maxGapBytes = 4 * 1024 * 1024;
/** Most bytes of the header of an element: 4 of the id and 8 of the size. */
const maxHeaderBytes = 12;

/**
 * Passes a WebM file on, and completes its last cluster if the file was cut short. The demuxer reads whole clusters
 * only, which can be many seconds of audio.
 */
export async function* withWholeClusters(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const scanner = new ClusterScanner();
  for await (const piece of input) yield scanner.push(piece);
  const gap = scanner.gap();
  if (gap.length > 0) yield gap;
}

class ClusterScanner {
  private carry: Buffer = Buffer.alloc(0);
  /** Bytes of the current element, and of the current cluster, that are still to come. */
  private elementBytes = 0;
  private clusterBytes = 0;

  /** Returns the bytes up to the last header that is complete. */
  push(piece: Uint8Array): Buffer {
    const bytes = Buffer.concat([this.carry, piece]);
    let at = this.advance(bytes, 0);
    while (this.elementBytes === 0 && at < bytes.length) {
      const header = headerAt(bytes, at);
      if (!header) break;
      this.clusterBytes = Math.max(0, this.clusterBytes - header.bytes);
      if (header.id === clusterId) this.clusterBytes = header.size;
      else if (header.id !== segmentId) this.elementBytes = header.size;
      at = this.advance(bytes, at + header.bytes);
    }
    this.carry = Buffer.from(bytes.subarray(at));
    return bytes.subarray(0, at);
  }

  /** What is missing: the rest of the last block, and a void element up to the end of the cluster. */
  gap(): Buffer {
    const missing = Math.max(this.elementBytes, Number.isFinite(this.clusterBytes) ? this.clusterBytes : 0);
    if (!Number.isFinite(missing) || missing > maxGapBytes) return Buffer.alloc(0);
    const gap = Buffer.alloc(missing);
    const rest = missing - this.elementBytes;
    if (rest >= 9) {
      gap[this.elementBytes] = 0xec;
      gap.writeBigUInt64BE((1n << 56n) + BigInt(rest - 9), this.elementBytes + 1);
    }
    return gap;
  }

  private advance(bytes: Buffer, from: number): number {
    const step = Math.min(this.elementBytes, bytes.length - from);
    this.elementBytes -= step;
    this.clusterBytes = Math.max(0, this.clusterBytes - step);
    return from + step;
  }
}

/** The header of the element at a position, or undefined if it is not complete. An unknown size is Infinity. */
function headerAt(bytes: Buffer, at: number): { id: number; size: number; bytes: number } | undefined {
  const idBytes = Math.clz32(bytes[at] ?? 0) - 23;
  const first = bytes[at + idBytes] ?? 0;
  const sizeBytes = Math.clz32(first) - 23;
  if (bytes.length - at < Math.min(idBytes + sizeBytes, maxHeaderBytes)) return undefined;
  // Not EBML: one byte of an element that has no end, so that the rest passes.
  if (idBytes > 4 || sizeBytes > 8) return { id: 0, size: Infinity, bytes: 1 };
  let size = BigInt(first & (0xff >> sizeBytes));
  for (let next = 1; next < sizeBytes; next++) size = (size << 8n) | BigInt(bytes[at + idBytes + next] ?? 0);
  const isUnknown = size === (1n << BigInt(7 * sizeBytes)) - 1n;
  return { id: bytes.readUIntBE(at, idBytes), size: isUnknown ? Infinity : Number(size), bytes: idBytes + sizeBytes };
}
