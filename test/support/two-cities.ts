import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WavReader } from '@app/speech/audio';
import { modelFolder } from './models';

/** Where the recorded reading lies. */
export const twoCitiesFile = (): string => join(modelFolder('speech-two-cities'), 'two_cities.wav');

/** The reading as mono samples from -1 to 1, at its own rate. */
export function readTwoCities(): { samples: Float32Array; sampleRateHz: number } {
  const reader = new WavReader();
  const samples = reader.push(readFileSync(twoCitiesFile()));
  return { samples, sampleRateHz: reader.format?.sampleRateHz ?? 0 };
}
