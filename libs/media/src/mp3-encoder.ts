import { createMp3Encoder } from 'wasm-media-encoders';

/** Bit rates of MP3 that a client may choose, in bits per second. Below 16 kHz the format ends at 64,000. */
export const mp3BitRates = [32_000, 64_000, 96_000, 128_000, 192_000] as const;
/** Sample rates that the format and the API contract have in common, in hertz. */
export const mp3SampleRatesHz = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] as const;

/** How MP3 is encoded. */
export interface Mp3Format {
  readonly sampleRateHz: number;
  readonly bitRate: (typeof mp3BitRates)[number];
}

type Encoder = Awaited<ReturnType<typeof createMp3Encoder>>;

/** Encodes one stream of mono audio to MP3 with a constant bit rate. A second of audio takes about 3 ms. */
export class Mp3Encoder {
  private constructor(private readonly encoder: Encoder) {}

  static async create({ sampleRateHz, bitRate }: Mp3Format): Promise<Mp3Encoder> {
    const encoder = await createMp3Encoder();
    encoder.configure({ sampleRate: sampleRateHz, channels: 1, bitrate: kilobits[bitRate] });
    return new Mp3Encoder(encoder);
  }

  /** Returns the frames that these samples (-1 to 1) complete, often none. */
  encode(samples: Float32Array): Buffer {
    return Buffer.from(this.encoder.encode([samples]));
  }

  /** Returns the last frames. */
  end(): Buffer {
    return Buffer.from(this.encoder.finalize());
  }
}

/** The bit rates as the encoder names them. */
const kilobits = { 32_000: 32, 64_000: 64, 96_000: 96, 128_000: 128, 192_000: 192 } as const;
