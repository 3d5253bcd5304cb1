/** The options of Whisper that trade accuracy for latency. */
export interface WhisperOptions {
  /** Seconds of silence that the encoder gets after the audio. */
  readonly paddingSeconds: number;
  /** Least length of audio and silence for the encoder, in seconds. 30 is the whole context of the model. */
  readonly contextSeconds: number;
  /** Number of silent positions of 20 ms that one key stands for. */
  readonly silentGroupPositions: number;
  readonly maxBatch: number;
}

/** Half a second of silence is enough for the last word. 16 positions are 320 ms. */
export const defaultWhisperOptions: WhisperOptions = {
  paddingSeconds: 0.5,
  contextSeconds: 0,
  silentGroupPositions: 16,
  maxBatch: 8,
};
