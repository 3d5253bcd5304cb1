import { SpeechError } from '../speech-error';
import { pcmBytesPerSample, PcmDecoder, type PcmEncoding } from './pcm';

/** The audio format in the header of a WAV file. */
export interface WavAudioFormat {
  readonly encoding: PcmEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/**
 * Reads a WAV file that arrives in pieces of any length: 8 to 32-bit PCM, floats, mu-law and A-law, plain or
 * extensible. Unknown chunks are skipped. A file of unknown length, or one that was cut short, is read to its end.
 * Every method throws a SpeechError if the input is not such a file.
 */
export class WavReader {
  private head: Buffer = Buffer.alloc(0);
  private skipBytes = 0;
  private riffBytes = -1;
  private bytesParsed = 0;
  private known: WavAudioFormat | undefined;
  private decoder: PcmDecoder | undefined;
  private dataBytesLeft = 0;
  private unmixed = new Float32Array(0);

  /** Undefined until the header has been read. `push` returns samples at its sample rate. */
  get format(): WavAudioFormat | undefined {
    return this.decoder && this.known;
  }

  /** Returns the mono samples (-1 to 1, the mean of the channels) that these bytes complete. */
  push(bytes: Uint8Array): Float32Array {
    if (this.decoder) return this.readData(bytes, this.decoder);
    this.head = Buffer.concat([this.head, bytes]);
    while (!this.decoder && this.parseNext());
    if (!this.decoder) return new Float32Array(0);
    const rest = this.head;
    this.head = Buffer.alloc(0);
    return this.readData(rest, this.decoder);
  }

  /** Call this when no more bytes come. Throws if the file ended before its audio began. */
  end(): void {
    if (!this.decoder) throw new SpeechError('The WAV file ends before its audio begins');
  }

  /**
   * Parses one chunk header, or the content of a chunk, from the buffered bytes. Returns false if it needs more bytes.
   */
  private parseNext(): boolean {
    if (this.skipBytes > 0) return this.skip();
    if (this.riffBytes < 0) return this.parseRiff();
    if (this.head.length < 8) return false;
    const id = this.head.toString('latin1', 0, 4);
    const size = this.head.readUInt32LE(4);
    if (id === 'fmt ') return this.parseFmt(size);
    this.take(8);
    if (id === 'data') this.startData(size);
    else this.skipBytes = size + (size % 2);
    return true;
  }

  private skip(): boolean {
    this.skipBytes -= this.take(Math.min(this.skipBytes, this.head.length)).length;
    return this.skipBytes === 0;
  }

  private parseRiff(): boolean {
    const magic = Buffer.from('RIFF').subarray(0, this.head.length);
    if (!this.head.subarray(0, 4).equals(magic)) throw new SpeechError('This is not a WAV file');
    if (this.head.length < 12) return false;
    const header = this.take(12);
    if (header.toString('latin1', 8) !== 'WAVE') throw new SpeechError('This RIFF file is not a WAV file');
    this.riffBytes = header.readUInt32LE(4);
    return true;
  }

  private parseFmt(size: number): boolean {
    if (size < 16 || size > 4096) throw new SpeechError('The WAV file has a broken format chunk');
    if (this.head.length < 8 + size) return false;
    this.known = parseFormat(this.take(8 + size).subarray(8));
    this.skipBytes = size % 2;
    return true;
  }

  private startData(size: number): void {
    if (!this.known) throw new SpeechError('The WAV file has audio before its format');
    const nothingFollows = this.riffBytes + 8 <= this.bytesParsed;
    const unknown = size >= 0x7fff0000 || (size === 0 && (nothingFollows || this.riffBytes >= 0x7fff0000));
    this.dataBytesLeft = unknown ? Infinity : size;
    this.decoder = new PcmDecoder(this.known.encoding);
  }

  private readData(bytes: Uint8Array, decoder: PcmDecoder): Float32Array {
    const data = bytes.subarray(0, Math.min(bytes.length, this.dataBytesLeft));
    this.dataBytesLeft -= data.length;
    return this.mixDown(decoder.push(data));
  }

  private mixDown(samples: Float32Array): Float32Array {
    const channels = this.known?.channels ?? 1;
    if (channels === 1) return samples;
    const interleaved = new Float32Array(this.unmixed.length + samples.length);
    interleaved.set(this.unmixed);
    interleaved.set(samples, this.unmixed.length);
    const mono = new Float32Array(Math.floor(interleaved.length / channels));
    for (let frame = 0, i = 0; frame < mono.length; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) sum += interleaved[i++] ?? 0;
      mono[frame] = sum / channels;
    }
    this.unmixed = interleaved.slice(mono.length * channels);
    return mono;
  }

  private take(bytes: number): Buffer {
    const taken = this.head.subarray(0, bytes);
    this.head = this.head.subarray(bytes);
    this.bytesParsed += bytes;
    return taken;
  }
}

const extensibleTail = Buffer.from('000000001000800000aa00389b71', 'hex');

/**
 * Samples that do not fill their bytes are left-justified. The number of bytes per sample is therefore enough to read
 * them.
 */
function parseFormat(fmt: Buffer): WavAudioFormat {
  const channels = fmt.readUInt16LE(2);
  const sampleRateHz = fmt.readUInt32LE(4);
  const bytesPerSample = fmt.readUInt16LE(12) / channels;
  if (channels === 0 || sampleRateHz === 0) throw new SpeechError('The WAV file has no channels or no sample rate');
  const encoding = encodings.get(`${formatCode(fmt)}:${bytesPerSample}`);
  if (!encoding) {
    throw new SpeechError(
      `WAV format code ${formatCode(fmt)} with ${bytesPerSample} bytes per sample is not supported`,
    );
  }
  return { encoding, sampleRateHz, channels };
}

function formatCode(fmt: Buffer): number {
  const code = fmt.readUInt16LE(0);
  if (code !== 0xfffe) return code;
  if (fmt.length < 40 || !fmt.subarray(26, 40).equals(extensibleTail)) {
    throw new SpeechError('The WAV file has an extensible format that is not supported');
  }
  return fmt.readUInt16LE(24);
}

const codes: Partial<Record<PcmEncoding, number>> = {
  pcm_u8: 1,
  pcm_s16le: 1,
  pcm_s24le: 1,
  pcm_s32le: 1,
  pcm_f32le: 3,
  pcm_f64le: 3,
  pcm_alaw: 6,
  pcm_mulaw: 7,
};

const encodings = new Map(
  (Object.entries(codes) as [PcmEncoding, number][]).map(([encoding, code]) => [
    `${code}:${pcmBytesPerSample[encoding]}`,
    encoding,
  ]),
);
