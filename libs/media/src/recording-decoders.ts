import { DecoderThread, type SampleSink } from './decoder-thread';
import type { DecodingLimits } from './limits';
import type { RawFormat } from './pcm-audio';
import { RecordingDecoder } from './recording-decoder';
import type { CompressedContainer } from './thread-messages';
import { ThreadPlaces } from './thread-places';

/** A recording that is about to arrive. */
export interface RecordingSource {
  /** Whose recording it is. Threads are shared fairly among owners. */
  readonly owner: string;
  /** The format of a file without a header. */
  readonly raw?: RawFormat | undefined;
}

/** Decodes recordings of all formats. Compressed ones run in threads, of which there are at most `maxThreads`. */
export class RecordingDecoders {
  private readonly places: ThreadPlaces;

  constructor(private readonly limits: DecodingLimits) {
    this.places = new ThreadPlaces(limits);
  }

  /**
   * A decoder for one file, whose type is detected from its first bytes. The sink gets mono audio, 16 kHz, 16 bits. A
   * compressed file waits for a thread as `ThreadPlaces` says.
   */
  open(sink: SampleSink, { owner, raw }: RecordingSource): RecordingDecoder {
    const openThread = async (container: CompressedContainer, signal: AbortSignal): Promise<DecoderThread> => {
      const { maxSeconds, maxHeldBytes } = this.limits;
      const leave = await this.places.take(owner, signal);
      return new DecoderThread({ container, maxSeconds, maxHeldBytes }, sink, leave);
    };
    return new RecordingDecoder(sink, { raw, maxSeconds: this.limits.maxSeconds, openThread });
  }
}
