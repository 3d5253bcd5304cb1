import { DecoderThread, type SampleSink } from './decoder-thread';
import type { DecodingLimits } from './limits';
import type { RawFormat } from './pcm-audio';
import { RecordingDecoder } from './recording-decoder';
import type { CompressedContainer } from './thread-messages';

/** Decodes recordings of all formats. Compressed ones run in threads, of which there are at most `maxThreads`. */
export class RecordingDecoders {
  private threads = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limits: DecodingLimits) {}

  /**
   * A decoder for one file, whose type is detected from its first bytes. `raw` is the format of a file without a
   * header. The sink gets mono audio, 16 kHz, 16 bits.
   */
  open(sink: SampleSink, raw?: RawFormat): RecordingDecoder {
    const { maxSeconds } = this.limits;
    return new RecordingDecoder(sink, { raw, maxSeconds, openThread: (container) => this.openThread(container, sink) });
  }

  private async openThread(container: CompressedContainer, sink: SampleSink): Promise<DecoderThread> {
    const { maxSeconds, maxThreads, maxHeldBytes } = this.limits;
    if (this.threads >= maxThreads) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.threads++;
    return new DecoderThread({ container, maxSeconds, maxHeldBytes }, sink, () => this.leave());
  }

  /** The place of a thread goes to the next that waits. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.threads--;
  }
}
