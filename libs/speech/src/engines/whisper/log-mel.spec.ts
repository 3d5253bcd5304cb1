import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogMel, contextSamples } from './log-mel';

interface Fixture {
  readonly cases: readonly {
    readonly mels: number;
    readonly samples: number;
    readonly level: number;
    readonly frames: readonly { readonly frame: number; readonly values: readonly number[] }[];
  }[];
}

/**
 * Features of `signal` by the published algorithm, in double precision with numpy's transform: 30 s with the signal first,
 * mirrored ends, periodic Hann window, librosa's slaney filters, base-10 logarithm, 80 dB range, (x + 4) / 4.
 */
const fixture = JSON.parse(readFileSync(join(__dirname, 'log-mel.fixture.json'), 'utf8')) as Fixture;

/** Two tones, one rising, and a little noise. */
function signal(samples: number, level: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: samples }, (_, index) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const time = index / 16_000;
    const low = 0.4 * Math.sin(2 * Math.PI * 220 * time);
    const rising = 0.3 * Math.sin(2 * Math.PI * (500 + 2500 * time) * time);
    const value = low + rising + 0.05 * (state / 0x40000000 - 1);
    return Math.floor(value * level * 32767 + 0.5) / 32768;
  });
}

describe('log-mel features', () => {
  it.each(fixture.cases)('equal the reference: $mels mels, $samples samples at level $level', (expected) => {
    const { mels, samples, level, frames } = expected;
    const wanted = 3000;
    const features = new LogMel(mels).features(signal(samples, level), wanted);
    let furthest = 0;
    for (const { frame, values } of frames) {
      values.forEach((value, mel) => {
        furthest = Math.max(furthest, Math.abs((features[frame * mels + mel] ?? NaN) - value));
      });
    }
    expect(furthest).toBeLessThan(1e-4);
  });

  it('are the same however early they are cut', () => {
    const logMel = new LogMel(80);
    const whole = logMel.features(signal(5000, 1), 3000);
    const cut = logMel.features(signal(5000, 1), 10);
    expect(cut).toEqual(whole.subarray(0, 80 * 10));
  });

  it('of silence are the same everywhere, and zero after the thirtieth second', () => {
    const features = new LogMel(80).features(new Float32Array(0), 3001);
    expect(new Set(features.subarray(0, 3000 * 80))).toEqual(new Set([-1.5]));
    expect(new Set(features.subarray(3000 * 80))).toEqual(new Set([0]));
  });

  it('ignore what comes after 30 s', () => {
    const logMel = new LogMel(80);
    const long = signal(contextSamples + 4000, 1);
    expect(logMel.features(long, 3000)).toEqual(logMel.features(long.subarray(0, contextSamples), 3000));
  });
});
