import { SpeechError } from '../speech-error';
import { ChannelMixer } from './channel-mixer';
import { PcmDecoder } from './pcm';
import { parseWavFormat, type WavAudioFormat } from './wav-format';

/** The first bytes of a WAV file, and of one of more than 4 GiB. */
const magics = ['RIFF', 'RF64'];
/** Real files have fewer than 20. Millions of headers would cost more than the audio. */
const maxChunks = 1_000;
/** Sizes from here on stand for an unknown size. */
const unknownBytes = 0x7fff0000;

/**
 * Reads a WAV file that arrives in pieces of any length: 8 to 64-bit PCM, floats, mu-law and A-law, plain or
 * extensible. Unknown chunks are skipped. A file of unknown length, or one that was cut short, is read to its end.
 * Every method throws a SpeechError if the input is not such a file.
 */
export class WavReader {
  private head: Buffer = Buffer.alloc(0);
  private skipBytes = 0;
  private chunks = 0;
  private hasMagic = false;
  private known: WavAudioFormat | undefined;
  private decoder: PcmDecoder | undefined;
  private mixer: ChannelMixer | undefined;
  private dataBytesLeft = 0;
  /** Whether a data chunk of size 0 has begun. What follows says whether it is empty or of unknown size. */
  private isAtEmptyData = false;

  /** Undefined until the header has been read. `push` returns samples at its sample rate. */
  get format(): WavAudioFormat | undefined {
    return this.decoder && this.known;
  }

  /** Returns the mono samples (-1 to 1) that these bytes complete. Channels are mixed as `ChannelMixer` says. */
  push(bytes: Uint8Array): Float32Array {
    if (this.decoder) return this.readData(bytes, this.decoder);
    this.head = Buffer.concat([this.head, bytes]);
    while (!this.decoder && this.parseNext());
    if (!this.decoder) return new Float32Array(0);
    const rest = this.head;
    this.head = Buffer.alloc(0);
    return this.readData(rest, this.decoder);
  }

  /** Returns the last samples when no more bytes come. Throws if the file ended before its audio began. */
  end(): Float32Array {
    if (this.isAtEmptyData) this.startData(Infinity);
    if (!this.decoder || !this.mixer) throw new SpeechError('The WAV file ends before its audio begins');
    const rest = this.readData(this.head, this.decoder);
    const last = this.mixer.flush();
    return rest.length === 0 ? last : Float32Array.of(...rest, ...last);
  }

  /**
   * Parses one chunk header, or the content of a chunk, from the buffered bytes. Returns false if it needs more bytes.
   */
  private parseNext(): boolean {
    if (this.skipBytes > 0) return this.skip();
    if (!this.hasMagic) return this.parseRiff();
    if (this.head.length < 8) return false;
    const id = this.head.toString('latin1', 0, 4);
    const size = this.head.readUInt32LE(4);
    if (this.isAtEmptyData) return this.endEmptyData(id, size);
    if (++this.chunks > maxChunks) {
      throw new SpeechError(`The WAV file has more than ${maxChunks} chunks before its audio`);
    }
    if (id === 'fmt ') return this.parseFmt(size);
    this.take(8);
    if (id === 'data') this.parseData(size);
    else this.skipBytes = size + (size % 2);
    return true;
  }

  private skip(): boolean {
    this.skipBytes -= this.take(Math.min(this.skipBytes, this.head.length)).length;
    return this.skipBytes === 0;
  }

  private parseRiff(): boolean {
    const magic = this.head.toString('latin1', 0, 4);
    if (!magics.some((known) => known.startsWith(magic))) throw new SpeechError('This is not a WAV file');
    if (this.head.length < 12) return false;
    if (this.take(12).toString('latin1', 8) !== 'WAVE') throw new SpeechError('This RIFF file is not a WAV file');
    this.hasMagic = true;
    return true;
  }

  private parseFmt(size: number): boolean {
    if (size < 16 || size > 4096) throw new SpeechError('The WAV file has a broken format chunk');
    if (this.head.length < 8 + size) return false;
    this.known = parseWavFormat(this.take(8 + size).subarray(8));
    this.skipBytes = size % 2;
    return true;
  }

  private parseData(size: number): void {
    if (!this.known) throw new SpeechError('The WAV file has audio before its format');
    if (size === 0) this.isAtEmptyData = true;
    else this.startData(size >= unknownBytes ? Infinity : size);
  }

  /** A program that writes to a pipe leaves the size at 0. An empty chunk is followed by another chunk. */
  private endEmptyData(id: string, size: number): boolean {
    const isChunk = /^[A-Za-z][A-Za-z0-9 _-]{3}$/.test(id) && size < unknownBytes;
    this.startData(isChunk ? 0 : Infinity);
    return false;
  }

  private startData(bytes: number): void {
    if (!this.known) return;
    const { encoding, channels, sampleRateHz } = this.known;
    this.isAtEmptyData = false;
    this.dataBytesLeft = bytes;
    this.decoder = new PcmDecoder(encoding);
    this.mixer = new ChannelMixer(channels, sampleRateHz);
  }

  private readData(bytes: Uint8Array, decoder: PcmDecoder): Float32Array {
    const data = bytes.subarray(0, Math.min(bytes.length, this.dataBytesLeft));
    this.dataBytesLeft -= data.length;
    const samples = decoder.push(data);
    return this.mixer?.push(samples) ?? samples;
  }

  private take(bytes: number): Buffer {
    const taken = this.head.subarray(0, bytes);
    this.head = this.head.subarray(bytes);
    return taken;
  }
}

/** The mono samples and the format of a whole WAV file. Throws a SpeechError if it is none. */
export function readWav(file: Uint8Array): WavAudioFormat & { readonly samples: Float32Array } {
  const reader = new WavReader();
  const most = reader.push(file);
  const last = reader.end();
  if (!reader.format) throw new SpeechError('The WAV file has no format');
  const samples = new Float32Array(most.length + last.length);
  samples.set(most);
  samples.set(last, most.length);
  return { ...reader.format, samples };
}
