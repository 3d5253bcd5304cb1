import { SpeechError } from '../../speech-error';
import type { Utterance, UtterancePlan } from '../tts-engine';
import { Noise, noiseStream } from './noise';
import { frameOffsets, phonemeSpans, wordSpans } from './spans';
import type { SpokenText, TextFrontend } from './text-frontend';
import { UtteranceLatents } from './utterance-latents';
import type { VitsConfig } from './vits-config';
import type { TextResult, VitsSessions } from './vits-sessions';
import { planWindows, type FrameWindow } from './window-plan';

/** An encoded utterance, ready to be decoded. */
export interface EncodedUtterance {
  readonly plan: UtterancePlan;
  readonly windows: readonly FrameWindow[];
  readonly latents: UtteranceLatents;
}

/** Turns text into a plan and the latent frames of its audio. */
export class UtteranceEncoder {
  constructor(
    private readonly config: VitsConfig,
    private readonly frontend: TextFrontend,
    private readonly sessions: VitsSessions,
  ) {}

  async encode(utterance: Utterance): Promise<EncodedUtterance> {
    const { seed, speed } = utterance;
    if (!(speed > 0)) throw new SpeechError('the speed of an utterance must be above 0');
    const startedAtMs = performance.now();
    const spoken = await this.frontend.speak(utterance.text);
    const spokenAtMs = performance.now();
    const text = await this.runText(spoken.ids);
    const durations = await this.durationsOf(text, spoken.ids, utterance);
    const { layout } = this.sessions;
    const offsets = frameOffsets(durations);
    const windows = planWindows(offsets.at(-1) ?? 0, layout.decoderReach);
    const source = { text, durations, seed, noiseScale: this.config.noiseScale };
    const latents = new UtteranceLatents(this.sessions, source, windows);
    const times = { frontendMs: spokenAtMs - startedAtMs, encodeMs: performance.now() - spokenAtMs };
    const plan = { durations, ...planOf(spoken, offsets, windows, layout.samplesPerFrame), ...times };
    return { plan, windows, latents };
  }

  private async runText(ids: readonly number[]): Promise<TextResult> {
    if (ids.length > 0) return this.sessions.runText(ids);
    return { mean: new Float32Array(), logScale: new Float32Array(), hidden: undefined };
  }

  /** Uses the given durations if there are any, so that a second attempt is exactly as long as the first. */
  private async durationsOf(
    text: TextResult,
    ids: readonly number[],
    { durations, seed, speed }: Utterance,
  ): Promise<readonly number[]> {
    if (durations) {
      const fit =
        durations.length === ids.length && durations.every((frames) => Number.isInteger(frames) && frames >= 0);
      if (!fit) throw new SpeechError('the given durations do not fit this text');
      return durations;
    }
    const { noiseScale, lengthScale, durationNoiseScale } = this.config;
    const noise = new Float32Array(2 * ids.length);
    new Noise(seed, noiseStream.duration).fillColumns(noise, 0, ids.length, 2);
    return this.sessions.predictDurations(
      text,
      Float32Array.of(noiseScale, lengthScale / speed, durationNoiseScale),
      noise,
    );
  }
}

function planOf(
  spoken: SpokenText,
  offsets: readonly number[],
  windows: readonly FrameWindow[],
  samplesPerFrame: number,
): Omit<UtterancePlan, 'durations' | 'frontendMs' | 'encodeMs'> {
  return {
    totalSamples: (offsets.at(-1) ?? 0) * samplesPerFrame,
    windows: windows.map(({ start, end }) => ({
      startSample: start * samplesPerFrame,
      endSample: end * samplesPerFrame,
    })),
    words: wordSpans(spoken, offsets, samplesPerFrame),
    phonemes: phonemeSpans(spoken, offsets, samplesPerFrame),
  };
}
