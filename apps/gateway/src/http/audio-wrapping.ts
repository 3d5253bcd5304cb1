import { Mp3Encoder } from '@app/media';
import { decodePcm, wavHeader } from '@app/speech/audio';
import type { TtsSettings } from '../tts/tts-request';

/** Puts the audio of a response into its container. */
export interface AudioWrapping {
  readonly mediaType: string;
  /** Returns the bytes that these samples complete. */
  add(samples: Buffer): Buffer;
  /** Returns the last bytes. */
  end(): Buffer;
}

const nothing = Buffer.alloc(0);

/** The wrapping that a request asks for. */
export async function wrappingOf({ container, format, bitRate }: TtsSettings): Promise<AudioWrapping> {
  switch (container) {
    case 'raw':
      return { mediaType: 'audio/pcm', add: (samples) => samples, end: () => nothing };
    case 'wav': {
      let header = wavHeader(format);
      const add = (samples: Buffer): Buffer => {
        const bytes = Buffer.concat([header, samples]);
        header = nothing;
        return bytes;
      };
      return { mediaType: 'audio/wav', add, end: () => nothing };
    }
    case 'mp3': {
      const encoder = await Mp3Encoder.create({ sampleRateHz: format.sampleRateHz, bitRate: bitRate ?? 128_000 });
      const add = (samples: Buffer): Buffer => encoder.encode(decodePcm(samples, format.encoding));
      return { mediaType: 'audio/mpeg', add, end: () => encoder.end() };
    }
  }
}
