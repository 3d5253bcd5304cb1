import { SpeechError } from '../speech-error';
import { type PolyphaseFilter, polyphaseFilter } from './resampler-filter';

const minRateHz = 1000;
const maxRateHz = 768_000;
const keptFilters = 32;
const filters = new Map<string, PolyphaseFilter>();

/** Throws a SpeechError unless the rate is a whole number of hertz from 1,000 to 768,000. */
export function assertSampleRate(rateHz: number): void {
  if (Number.isInteger(rateHz) && rateHz >= minRateHz && rateHz <= maxRateHz) return;
  throw new SpeechError(`A sample rate of ${rateHz} Hz is not supported. Send ${minRateHz} to ${maxRateHz} Hz`);
}

/**
 * Changes the sample rate of one stream of mono audio. The output is aligned with the input (no delay) and does not
 * depend on how the input is cut into pieces. After a flush it has round(samples * output rate / input rate) samples.
 * The resampler looks ahead by 32 samples of the lower rate (1.5 ms at 22,050 Hz). Equal rates copy. Throws a
 * SpeechError unless both rates are whole numbers of hertz from 1,000 to 768,000.
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly filter: PolyphaseFilter | undefined;
  private window = new Float64Array(0);
  private windowLength = 0;
  /** The next output sample is at input position `position + phase / up`. `position` is counted in the window. */
  private position = 0;
  private phase = 0;
  private samplesIn = 0;
  private samplesOut = 0;

  constructor(inputRateHz: number, outputRateHz: number) {
    assertSampleRate(inputRateHz);
    assertSampleRate(outputRateHz);
    const divisor = greatestCommonDivisor(inputRateHz, outputRateHz);
    this.up = outputRateHz / divisor;
    this.down = inputRateHz / divisor;
    if (this.up !== this.down) this.filter = filterFor(this.up, this.down);
    this.restart();
  }

  /** Returns the output samples that no later input can change. */
  push(samples: Float32Array): Float32Array {
    this.samplesIn += samples.length;
    if (!this.filter) return samples.slice();
    this.append(samples);
    return this.convert(this.filter, Infinity);
  }

  /** Returns the rest, as if silence followed. Afterwards the resampler can be used for a new stream. */
  flush(): Float32Array {
    const total = Math.round((this.samplesIn * this.up) / this.down);
    let rest: Float32Array = new Float32Array(0);
    if (this.filter) {
      this.append(new Float32Array(this.filter.taps));
      rest = this.convert(this.filter, total - this.samplesOut);
    }
    this.restart();
    return rest;
  }

  /** With silence before the first sample, the first outputs are computed like all others. */
  private restart(): void {
    const lead = this.filter ? this.filter.taps / 2 - 1 : 0;
    this.window.fill(0, 0, lead);
    this.windowLength = 0;
    if (lead > 0) this.append(new Float32Array(lead));
    this.position = 0;
    this.phase = 0;
    this.samplesIn = 0;
    this.samplesOut = 0;
  }

  private append(samples: Float32Array): void {
    const needed = this.windowLength + samples.length;
    if (needed > this.window.length) {
      const larger = new Float64Array(needed * 2);
      larger.set(this.window.subarray(0, this.windowLength));
      this.window = larger;
    }
    this.window.set(samples, this.windowLength);
    this.windowLength = needed;
  }

  private convert(filter: PolyphaseFilter, limit: number): Float32Array {
    const lastPosition = this.windowLength - filter.taps;
    const ready = lastPosition < this.position ? 0 : this.outputsUpTo(lastPosition);
    const output = new Float32Array(Math.min(ready, limit));
    const wholeStep = Math.floor(this.down / this.up);
    const phaseStep = this.down % this.up;
    for (let i = 0; i < output.length; i++) {
      output[i] = this.sampleAt(filter);
      this.position += wholeStep;
      this.phase += phaseStep;
      if (this.phase >= this.up) {
        this.phase -= this.up;
        this.position++;
      }
    }
    this.samplesOut += output.length;
    this.dropPlayed();
    return output;
  }

  /** The number of outputs that start at or before this position of the window. */
  private outputsUpTo(lastPosition: number): number {
    const phasesLeft = (lastPosition + 1 - this.position) * this.up - this.phase;
    return Math.ceil(phasesLeft / this.down);
  }

  private sampleAt(filter: PolyphaseFilter): number {
    if (filter.exact) return dot(filter, this.phase, this.window, this.position);
    const place = (this.phase / this.up) * filter.rows;
    const row = Math.floor(place);
    const before = dot(filter, row, this.window, this.position);
    return before + (place - row) * (dot(filter, row + 1, this.window, this.position) - before);
  }

  private dropPlayed(): void {
    const played = Math.min(this.position, this.windowLength);
    this.window.copyWithin(0, played, this.windowLength);
    this.windowLength -= played;
    this.position -= played;
  }
}

/** Four independent sums run in parallel in the processor. A single sum would wait for each addition. */
function dot(filter: PolyphaseFilter, row: number, window: Float64Array, position: number): number {
  const { taps, coefficients } = filter;
  const start = row * taps;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let tap = 0;
  for (; tap + 3 < taps; tap += 4) {
    a += coefficients[start + tap]! * window[position + tap]!;
    b += coefficients[start + tap + 1]! * window[position + tap + 1]!;
    c += coefficients[start + tap + 2]! * window[position + tap + 2]!;
    d += coefficients[start + tap + 3]! * window[position + tap + 3]!;
  }
  for (; tap < taps; tap++) a += coefficients[start + tap]! * window[position + tap]!;
  return a + b + (c + d);
}

/**
 * Streams share filters because making one takes milliseconds. Clients choose the rates, so the cache is bounded and
 * drops the oldest filter.
 */
function filterFor(up: number, down: number): PolyphaseFilter {
  const key = `${up}/${down}`;
  const made = filters.get(key);
  if (made) return made;
  const filter = polyphaseFilter(up, down);
  const oldest = filters.keys().next();
  if (filters.size >= keptFilters && !oldest.done) filters.delete(oldest.value);
  filters.set(key, filter);
  return filter;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
