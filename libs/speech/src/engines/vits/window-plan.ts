/** A window in frames: audio [start, end) is made from latent frames [inputStart, inputEnd). */
export interface FrameWindow {
  readonly start: number;
  readonly end: number;
  readonly inputStart: number;
  readonly inputEnd: number;
}

/**
 * Input frames of the first windows; the last number holds for all that follow. They give 0.15 s, 0.4 s, 1 s and then
 * 1.5 s of audio.
 */
const inputFrames = [24, 56, 112, 152];
/**
 * The input length of the last window is a multiple of this, so that windows of different utterances can share a batch.
 */
const lengthStep = 8;
/** A window grows by at most this factor to include the rest of the utterance, so that no tiny window is left. */
const mostGrowth = 1.25;

/**
 * The windows of an utterance. They depend on its number of frames and on nothing else. Every window has at least
 * `margin` frames on each side of its audio, except at the begin and end of the utterance. The last window is
 * right-aligned. Nothing is padded.
 */
export function planWindows(frames: number, margin: number): FrameWindow[] {
  const windows: FrameWindow[] = [];
  for (let start = 0; start < frames; start = windows.at(-1)?.end ?? frames) {
    windows.push(nextWindow(start, frames, margin, inputFrames[windows.length] ?? inputFrames.at(-1) ?? frames));
  }
  return windows;
}

function nextWindow(start: number, frames: number, margin: number, standard: number): FrameWindow {
  const inputStart = Math.max(0, start - margin);
  const length = Math.max(standard, start - inputStart + 2 * margin);
  const rest = frames - inputStart;
  if (rest <= length * mostGrowth) {
    const aligned = Math.ceil(rest / lengthStep) * lengthStep;
    return { start, end: frames, inputStart: Math.max(0, frames - aligned), inputEnd: frames };
  }
  return { start, end: inputStart + length - margin, inputStart, inputEnd: inputStart + length };
}
