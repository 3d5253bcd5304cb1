import type { VitsLayout } from './vits-graphs';
import type { VitsSessions } from './vits-sessions';
import type { UtteranceLatents } from './utterance-latents';
import type { FrameWindow } from './window-plan';

/** A window of an utterance. */
export interface WindowRequest {
  readonly window: FrameWindow;
  readonly latents: UtteranceLatents;
}

/**
 * Windows with the same shape can share a run: their number of input frames, and the sides on which the utterance goes
 * on.
 */
export function windowShape({ window, latents }: WindowRequest): string {
  const { inputStart, inputEnd } = window;
  return `${inputEnd - inputStart}${inputStart > 0 ? '<' : '['}${inputEnd < latents.frames ? '>' : ']'}`;
}

/**
 * Makes the audio of windows of one shape in one run. The samples of each window are the same as in a run of its own.
 */
export async function decodeWindows(
  sessions: VitsSessions,
  requests: readonly WindowRequest[],
): Promise<Float32Array[]> {
  const [first] = requests;
  if (!first) return [];
  const { layout } = sessions;
  const frames = first.window.inputEnd - first.window.inputStart;
  const size = layout.channels * frames;
  const latents = new Float32Array(requests.length * size);
  for (const [index, request] of requests.entries()) {
    const row = latents.subarray(index * size, (index + 1) * size);
    await request.latents.copy(row, request.window.inputStart, request.window.inputEnd);
  }
  const { cropStart, cropEnd } = cropOf(first, layout);
  const audio = await sessions.runDecoder({ latents, batch: requests.length, frames, cropStart, cropEnd });
  const samplesPerCrop = layout.samplesPerFrame / layout.cropRate;
  const length = audio.length / requests.length;
  return requests.map(({ window }, index) => {
    const offset = index * length - cropStart * samplesPerCrop;
    const sampleOf = (frame: number): number => offset + (frame - window.inputStart) * layout.samplesPerFrame;
    return audio.slice(sampleOf(window.start), sampleOf(window.end));
  });
}

/** The range that the rest of the decoder needs. At the begin and end of the utterance nothing is cropped. */
function cropOf({ window, latents }: WindowRequest, layout: VitsLayout): { cropStart: number; cropEnd: number } {
  const margin = layout.decoderReach * layout.cropRate - layout.cropReach;
  const whole = (window.inputEnd - window.inputStart) * layout.cropRate;
  return {
    cropStart: window.inputStart > 0 ? margin : 0,
    cropEnd: window.inputEnd < latents.frames ? whole - margin : whole,
  };
}
