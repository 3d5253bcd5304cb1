/** A window in frames: audio [start, end) is made from latent frames [inputStart, inputEnd). */
export interface FrameWindow {
  readonly start: number;
  readonly end: number;
  readonly inputStart: number;
  readonly inputEnd: number;
}

/** Input frames of the first windows, the last for all that follow: 0.15 s of audio first, then 0.4 s, 1 s, and 1.5 s each. */
const inputFrames = [24, 56, 112, 152];
/** Input lengths of last windows are multiples of this, so that windows of different utterances can share a batch. */
const lengthStep = 8;
/** A window grows by at most this factor to take the utterance's whole rest, so that no tiny window is left. */
const mostGrowth = 1.25;

/**
 * The windows of an utterance, a function of its frames and of nothing else. Every window sees at least `margin` frames on each
 * side of its audio, except where the utterance begins or ends; the last is right-aligned, nothing is ever padded.
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
