import { assertSampleRate } from './resampler';

/** Length of the audio for which the weights of the channels are chosen, in milliseconds. */
const blockMs = 20;
/** A channel whose power is below this share of the loudest one (-20 dB) adds nothing but noise. */
const quietShare = 0.01;
/** The chosen channel of a pair that cancels itself is kept unless another one has this many times its power (3 dB). */
const louderBy = 2;
/** A mix with less than this share of the power of independent channels (-6 dB) cancels itself. */
const cancelledShare = 0.25;

/**
 * Mixes the channels of one stream to mono, so that speech never vanishes and never becomes quieter because other
 * channels are silent. In each block of 20 ms the mix is the mean of the channels that are within 20 dB of the loudest
 * one. If these cancel each other, as a channel and its inverse do, the mix is the loudest channel alone. The weights
 * change gradually within a block. The output does not depend on how the input is cut into pieces.
 */
export class ChannelMixer {
  private readonly blockFrames: number;
  private pending: Float32Array;
  private pendingLength = 0;
  private weights: Float64Array | undefined;

  /** Throws a SpeechError for a sample rate that no resampler takes. */
  constructor(
    private readonly channels: number,
    sampleRateHz: number,
  ) {
    assertSampleRate(sampleRateHz);
    this.blockFrames = Math.max(1, Math.round((blockMs * sampleRateHz) / 1_000));
    this.pending = new Float32Array(this.blockFrames * channels);
  }

  /** Takes interleaved samples, also parts of a frame, and returns the mix of the blocks that they complete. */
  push(interleaved: Float32Array): Float32Array {
    if (this.channels === 1) return interleaved;
    const blockSamples = this.blockFrames * this.channels;
    const blocks = Math.floor((this.pendingLength + interleaved.length) / blockSamples);
    const mono = new Float32Array(blocks * this.blockFrames);
    let taken = 0;
    for (let block = 0; block < blocks; block++) {
      const piece = interleaved.subarray(taken, taken + blockSamples - this.pendingLength);
      this.pending.set(piece, this.pendingLength);
      taken += piece.length;
      this.pendingLength = 0;
      this.mix(this.pending, mono.subarray(block * this.blockFrames, (block + 1) * this.blockFrames));
    }
    this.pending.set(interleaved.subarray(taken), this.pendingLength);
    this.pendingLength += interleaved.length - taken;
    return mono;
  }

  /** Returns the mix of the last frames, which fill no block. A part of a frame is dropped. */
  flush(): Float32Array {
    const mono = new Float32Array(Math.floor(this.pendingLength / this.channels));
    this.mix(this.pending, mono);
    this.pendingLength = 0;
    return mono;
  }

  private mix(interleaved: Float32Array, mono: Float32Array): void {
    const { channels } = this;
    const target = weightsOf(interleaved.subarray(0, mono.length * channels), channels, this.weights);
    const from = this.weights ?? target;
    for (let frame = 0, at = 0; frame < mono.length; frame++) {
      const share = (frame + 1) / mono.length;
      let sum = 0;
      for (let channel = 0; channel < channels; channel++, at++) {
        const before = from[channel] ?? 0;
        sum += (before + share * ((target[channel] ?? 0) - before)) * (interleaved[at] ?? 0);
      }
      mono[frame] = sum;
    }
    this.weights = target;
  }
}

/** The weight of each channel in a block. In a silent block all are equal. */
function weightsOf(interleaved: Float32Array, channels: number, before: Float64Array | undefined): Float64Array {
  const powers = new Float64Array(channels);
  for (let at = 0; at < interleaved.length; at++) {
    const sample = interleaved[at] ?? 0;
    powers[at % channels]! += sample * sample;
  }
  const loudest = powers.reduce((most, power) => Math.max(most, power), 0);
  const active = powers.map((power) => (power >= loudest * quietShare ? 1 : 0));
  const count = active.reduce((sum, one) => sum + one, 0);
  const independent = powers.reduce((sum, power, channel) => sum + (active[channel] ? power : 0), 0);
  if (count > 1 && activePower(interleaved, active) < cancelledShare * independent) {
    const kept = before?.indexOf(1) ?? -1;
    const chosen = (powers[kept] ?? 0) * louderBy >= loudest ? kept : powers.indexOf(loudest);
    return active.map((_, channel) => (channel === chosen ? 1 : 0));
  }
  return active.map((one) => one / count);
}

/** The power of the sum of the active channels. */
function activePower(interleaved: Float32Array, active: Float64Array): number {
  let power = 0;
  for (let at = 0; at < interleaved.length; at += active.length) {
    let sum = 0;
    for (let channel = 0; channel < active.length; channel++)
      sum += (active[channel] ?? 0) * (interleaved[at + channel] ?? 0);
    power += sum * sum;
  }
  return power;
}
