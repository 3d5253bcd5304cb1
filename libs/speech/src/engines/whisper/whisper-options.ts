/** The latency and accuracy dials of Whisper. */
export interface WhisperOptions {
  /** Silence that the encoder hears after the audio, in seconds. */
  readonly paddingSeconds: number;
  /** Least audio and silence that the encoder hears; 30 is the whole context of the model. */
  readonly contextSeconds: number;
  /** Positions of 20 ms of the silence after that, for which one key stands. */
  readonly silentGroupPositions: number;
  readonly maxBatch: number;
}

/** Half a second of silence is enough for the last word; 16 positions are 320 ms. */
export const defaultWhisperOptions: WhisperOptions = {
  paddingSeconds: 0.5,
  contextSeconds: 0,
  silentGroupPositions: 16,
  maxBatch: 8,
};
