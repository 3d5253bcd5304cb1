import { wavFile } from '@app/speech/audio';
import { readRecording } from './recording';

const format = { encoding: 'pcm_s16le', sampleRateHz: 8_000, channels: 2 } as const;
const stereo = wavFile(
  Float32Array.from({ length: 1_600 }, (_, i) => (i % 2 === 0 ? 0.5 : 0.25)),
  format,
);

describe('readRecording', () => {
  it('gives the samples of a WAV file, its channels mixed to one', () => {
    const { samples, ...facts } = readRecording(stereo);
    expect(facts).toEqual({ sampleRateHz: 8_000, channels: 2 });
    expect(samples).toEqual(new Float32Array(800).fill(0.375));
  });

  it('begins where it is told to, and gives nothing beyond the end', () => {
    expect(readRecording(stereo, 25).samples).toHaveLength(600);
    expect(readRecording(stereo, 101).samples).toHaveLength(0);
  });

  it('refuses what is not a WAV file, and one that ends before its audio, and says why', () => {
    const refused = (wav: Uint8Array) => {
      expect(() => readRecording(wav)).toThrow(expect.objectContaining({ code: 'audio_not_supported' }) as Error);
    };
    refused(Buffer.from('Hello.'));
    refused(stereo.subarray(0, 30));
    refused(Buffer.alloc(0));
    expect(() => readRecording(Buffer.from('Hello.'))).toThrow('This is not a WAV file.');
  });
});
