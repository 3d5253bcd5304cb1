import { sttSampleRateHz } from '../../audio';
import { FourierTransform, newComplexSequence } from './fourier';

/** Number of samples of a spectrum: 25 ms, as in the training of the model. */
export const frameSamples = 400;
/** Number of samples from one spectrum to the next: 10 ms. */
export const hopSamples = 160;
/** Number of samples of Whisper's context: 30 s. */
export const contextSamples = 30 * sttSampleRateHz;
const contextFrames = contextSamples / hopSamples;

const bins = frameSamples / 2 + 1;
const powerFloor = 1e-10;
/** Powers are limited to 80 dB below the loudest value of the 30 s. */
const dynamicRange = 8;

interface MelBand {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/** Whisper's log-mel features: slaney filters over a 400-point spectrum every 10 ms, normalised over 30 s. */
export class LogMel {
  private readonly transform = new FourierTransform(frameSamples);
  private readonly pair = newComplexSequence(frameSamples);
  private readonly window = Float64Array.from(
    { length: frameSamples },
    (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / frameSamples),
  );
  private readonly bands: readonly MelBand[];

  constructor(readonly mels: number) {
    this.bands = melBands(mels);
  }

  /**
   * The features of at most 30 s of audio followed by silence: [frames, mels]. Frames after the thirtieth second are
   * zero, which is the padding of the model's first layer.
   */
  features(samples: Float32Array, frames: number): Float32Array<ArrayBuffer> {
    const heard = Math.min(contextFrames, Math.ceil((samples.length + frameSamples / 2) / hopSamples));
    const logs = this.logPowers(padded(samples, heard), heard);
    let loudest = Math.log10(powerFloor);
    for (const log of logs) if (log > loudest) loudest = log;
    const floor = loudest - dynamicRange;
    const scaled = (log: number): number => (Math.max(log, floor) + 4) / 4;
    const silence = scaled(Math.log10(powerFloor));
    const features = new Float32Array(this.mels * frames);
    const known = Math.min(logs.length, features.length);
    for (let index = 0; index < known; index += 1) features[index] = scaled(logs[index]!);
    return features.fill(silence, known, Math.max(known, this.mels * Math.min(frames, contextFrames)));
  }

  /** Base-10 logarithm of the power in each band, frame after frame; two frames are transformed at once. */
  private logPowers(samples: Float64Array, frames: number): Float64Array {
    const logs = new Float64Array(frames * this.mels);
    const first = new Float64Array(bins);
    const second = new Float64Array(bins);
    for (let frame = 0; frame < frames; frame += 2) {
      this.powersOfTwoFrames(samples, frame * hopSamples, first, second);
      this.writeLogs(first, logs, frame);
      if (frame + 1 < frames) this.writeLogs(second, logs, frame + 1);
    }
    return logs;
  }

  /**
   * Transforms two real frames at once, as the real and the imaginary part. The symmetry of real signals separates them
   * afterwards.
   */
  private powersOfTwoFrames(samples: Float64Array, start: number, first: Float64Array, second: Float64Array): void {
    const { re, im } = this.pair;
    for (let index = 0; index < frameSamples; index += 1) {
      re[index] = samples[start + index]! * this.window[index]!;
      im[index] = samples[start + hopSamples + index]! * this.window[index]!;
    }
    this.transform.forward(this.pair);
    for (let bin = 0; bin < bins; bin += 1) {
      const mirror = (frameSamples - bin) % frameSamples;
      const firstRe = re[bin]! + re[mirror]!;
      const firstIm = im[bin]! - im[mirror]!;
      const secondRe = im[bin]! + im[mirror]!;
      const secondIm = re[mirror]! - re[bin]!;
      first[bin] = (firstRe * firstRe + firstIm * firstIm) / 4;
      second[bin] = (secondRe * secondRe + secondIm * secondIm) / 4;
    }
  }

  private writeLogs(powers: Float64Array, logs: Float64Array, frame: number): void {
    for (let mel = 0; mel < this.mels; mel += 1) {
      const { firstBin, weights } = this.bands[mel]!;
      let power = 0;
      for (let index = 0; index < weights.length; index += 1) power += weights[index]! * powers[firstBin + index]!;
      logs[frame * this.mels + mel] = Math.log10(Math.max(power, powerFloor));
    }
  }
}

/**
 * Frames are centred on their time. Half a frame is therefore mirrored before the start and, in the thirtieth second,
 * after the end.
 */
function padded(samples: Float32Array, frames: number): Float64Array {
  const half = frameSamples / 2;
  const signal = new Float64Array((frames + 1) * hopSamples + frameSamples);
  const kept = Math.min(samples.length, contextSamples, signal.length - half);
  signal.set(samples.subarray(0, kept), half);
  for (let index = 1; index <= half; index += 1) {
    signal[half - index] = signal[half + index]!;
    const end = half + contextSamples - 1;
    if (end + index < signal.length) signal[end + index] = signal[end - index]!;
  }
  return signal;
}

/**
 * Triangular filters of equal area. Their centres are evenly spaced on the Slaney scale: linear to 1 kHz, logarithmic
 * above.
 */
function melBands(mels: number): MelBand[] {
  const top = melOfHertz(sttSampleRateHz / 2);
  const edges = Array.from({ length: mels + 2 }, (_, index) => hertzOfMel((top * index) / (mels + 1)));
  return Array.from({ length: mels }, (_, mel) => melBand(edges[mel]!, edges[mel + 1]!, edges[mel + 2]!));
}

function melBand(lowHz: number, centreHz: number, highHz: number): MelBand {
  const weights = Array.from({ length: bins }, (_, bin) => {
    const hertz = (bin * sttSampleRateHz) / frameSamples;
    const rise = (hertz - lowHz) / (centreHz - lowHz);
    const fall = (highHz - hertz) / (highHz - centreHz);
    return Math.fround((Math.max(0, Math.min(rise, fall)) * 2) / (highHz - lowHz));
  });
  const firstBin = weights.findIndex((weight) => weight > 0);
  const lastBin = weights.findLastIndex((weight) => weight > 0);
  return firstBin < 0
    ? { firstBin: 0, weights: new Float64Array(0) }
    : { firstBin, weights: Float64Array.from(weights.slice(firstBin, lastBin + 1)) };
}

const linearHertzPerMel = 200 / 3;
const logStartHz = 1000;
const logStartMel = logStartHz / linearHertzPerMel;
const logStep = Math.log(6.4) / 27;

function melOfHertz(hertz: number): number {
  return hertz < logStartHz ? hertz / linearHertzPerMel : logStartMel + Math.log(hertz / logStartHz) / logStep;
}

function hertzOfMel(mel: number): number {
  return mel < logStartMel ? mel * linearHertzPerMel : logStartHz * Math.exp(logStep * (mel - logStartMel));
}
