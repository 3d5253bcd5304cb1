/** The reason for which synthesis or recognition failed, as a sentence for an operator. It has no problem code. */
export class SpeechError extends Error {
  override readonly name = 'SpeechError';
}
