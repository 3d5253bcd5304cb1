/** A piece of decoded audio: samples of each channel. */
export interface Decoded {
  readonly channels: readonly Float32Array[];
  readonly sampleRateHz: number;
}

/** The decoder of one codec. */
export interface Codec {
  /** Decodes one packet, or bytes of a stream. Returns undefined if these give no audio yet. Throws if they are damaged. */
  decode(packet: Uint8Array): Promise<Decoded | undefined> | Decoded | undefined;
  /** Returns audio that was held back when no more packets come. */
  flush?(): Promise<Decoded | undefined>;
}

/** A recording whose container has been opened. */
export interface Encoded {
  /** The name of its format. */
  readonly name: string;
  readonly codec: Codec;
  /** Packets, or pieces of a stream, in order. */
  readonly packets: AsyncIterable<Uint8Array>;
}

interface WasmAudio {
  readonly channelData: Float32Array[];
  readonly sampleRate: number;
  readonly errors?: readonly { readonly message: string }[] | number;
}

/** What a WebAssembly decoder returned. */
export function decodedBy({ channelData, sampleRate, errors }: WasmAudio): Decoded | undefined {
  const samples = channelData[0]?.length ?? 0;
  const failures = typeof errors === 'number' ? errors : (errors?.length ?? 0);
  if (samples === 0 && failures > 0) throw new DamagedPacket();
  return samples > 0 ? { channels: channelData, sampleRateHz: sampleRate } : undefined;
}

/** Thrown for a packet that cannot be decoded. */
export class DamagedPacket extends Error {
  override readonly name = 'DamagedPacket';
}
