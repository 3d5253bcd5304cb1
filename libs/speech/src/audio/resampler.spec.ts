import { SpeechError } from '../speech-error';
import { Resampler } from './resampler';

const ratePairs: [number, number][] = [
  [22_050, 44_100],
  [22_050, 24_000],
  [22_050, 8000],
  [22_050, 16_000],
  [22_050, 48_000],
  [8000, 16_000],
  [48_000, 16_000],
  [44_100, 48_000],
  [12_347, 16_000],
];

const sine = (frequencyHz: number, rateHz: number, length: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin((2 * Math.PI * frequencyHz * i) / rateHz));

function resample(samples: Float32Array, from: number, to: number, pieceSamples = samples.length): Float32Array {
  const resampler = new Resampler(from, to);
  const output: number[] = [];
  for (let at = 0; at < samples.length; at += pieceSamples) {
    output.push(...resampler.push(samples.subarray(at, at + pieceSamples)));
  }
  output.push(...resampler.flush());
  return Float32Array.from(output);
}

/** Amplitude and phase of the sine in the middle of the samples, and what is left without it, in dB below a full sine. */
function fit(samples: Float32Array, frequencyHz: number, rateHz: number) {
  const start = Math.floor(samples.length * 0.2);
  const length = Math.floor(samples.length * 0.6);
  let inPhase = 0;
  let quadrature = 0;
  let weights = 0;
  for (let i = 0; i < length; i++) {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
    const angle = (2 * Math.PI * frequencyHz * (start + i)) / rateHz;
    inPhase += 2 * weight * samples[start + i]! * Math.sin(angle);
    quadrature += 2 * weight * samples[start + i]! * Math.cos(angle);
    weights += weight;
  }
  inPhase /= weights;
  quadrature /= weights;
  let left = 0;
  let total = 0;
  for (let i = start; i < start + length; i++) {
    const angle = (2 * Math.PI * frequencyHz * i) / rateHz;
    left += (samples[i]! - inPhase * Math.sin(angle) - quadrature * Math.cos(angle)) ** 2;
    total += samples[i]! ** 2;
  }
  const db = (power: number) => 10 * Math.log10((2 * power) / length);
  return {
    gainDb: 20 * Math.log10(Math.hypot(inPhase, quadrature)),
    phase: Math.atan2(quadrature, inPhase),
    leftDb: db(left),
    totalDb: db(total),
  };
}

describe('Resampler', () => {
  it.each(ratePairs)(
    'from %d to %d Hz is flat, in phase and clean to 0.9 of the lower Nyquist frequency',
    (from, to) => {
      for (const part of [0.02, 0.3, 0.6, 0.8, 0.9]) {
        const frequencyHz = (part * Math.min(from, to)) / 2;
        const result = fit(resample(sine(frequencyHz, from, from / 4), from, to), frequencyHz, to);
        expect(Math.abs(result.gainDb)).toBeLessThan(0.1);
        expect(Math.abs(result.phase)).toBeLessThan(1e-5);
        expect(result.leftDb).toBeLessThan(-80);
      }
    },
  );

  it.each(ratePairs.filter(([from, to]) => from > to))('from %d to %d Hz removes what cannot be kept', (from, to) => {
    for (const part of [1.07, 1.1, 1.3, 1.9]) {
      const frequencyHz = (part * to) / 2;
      if (frequencyHz >= from / 2) continue;
      const { totalDb } = fit(resample(sine(frequencyHz, from, from / 4), from, to), frequencyHz, to);
      expect(totalDb).toBeLessThan(-80);
    }
  });

  it.each(ratePairs)('from %d to %d Hz gives the same bytes however the input is cut', (from, to) => {
    const input = Float32Array.from({ length: 1500 }, (_, i) => Math.sin(i * i));
    const whole = resample(input, from, to);
    for (const pieceSamples of [1, 7, 160, 441, 1000]) expect(resample(input, from, to, pieceSamples)).toEqual(whole);
  });

  it.each(ratePairs)('from %d to %d Hz gives the rounded length, for any length', (from, to) => {
    for (const length of [0, 1, 2, 3, 50, 999, 1000, 1001]) {
      expect(resample(new Float32Array(length), from, to)).toHaveLength(Math.round((length * to) / from));
    }
  });

  it('keeps a constant to 1 part in a million, away from its ends', () => {
    const output = resample(new Float32Array(2000).fill(0.5), 22_050, 24_000);
    for (const sample of output.subarray(200, -200)) expect(Math.abs(sample - 0.5)).toBeLessThan(5e-7);
  });

  it('holds back no more than a few milliseconds', () => {
    const resampler = new Resampler(22_050, 44_100);
    expect(2205 * 2 - resampler.push(new Float32Array(2205)).length).toBeLessThan(0.002 * 44_100);
  });

  it('is as new after a flush', () => {
    const input = sine(440, 22_050, 3000);
    const resampler = new Resampler(22_050, 16_000);
    const twice = [1, 2].map(() => [...resampler.push(input), ...resampler.flush()]);
    expect(twice[1]).toEqual(twice[0]);
  });

  it('copies when the rates are equal', () => {
    const input = sine(440, 16_000, 100);
    const resampler = new Resampler(16_000, 16_000);
    const output = resampler.push(input);
    expect(output).toEqual(input);
    expect(output.buffer).not.toBe(input.buffer);
    expect(resampler.flush()).toHaveLength(0);
  });

  it('refuses rates that make no sense', () => {
    for (const rateHz of [0, -1, 999, 800_000, 16_000.5, NaN]) {
      expect(() => new Resampler(rateHz, 16_000)).toThrow(SpeechError);
      expect(() => new Resampler(16_000, rateHz)).toThrow(SpeechError);
    }
  });
});
