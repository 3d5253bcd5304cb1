import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWav } from '@app/speech/audio';
import { modelFolder } from './models';

/** Where the recorded reading lies. */
export const twoCitiesFile = (): string => join(modelFolder('speech-two-cities'), 'two_cities.wav');

/** The reading as mono samples from -1 to 1, at its own rate. */
export function readTwoCities(): { samples: Float32Array; sampleRateHz: number } {
  return readWav(readFileSync(twoCitiesFile()));
}

/** What is read: the opening of "A Tale of Two Cities" by Charles Dickens. */
export const twoCitiesText =
  'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was ' +
  'the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it was ' +
  'the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all ' +
  'going direct to Heaven, we were all going direct the other way. In short, the period was so far like the present ' +
  'period, that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative ' +
  'degree of comparison only.';
