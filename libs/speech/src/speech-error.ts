/** Why speech could not be made or understood, in words for an operator; it knows no problem codes. */
export class SpeechError extends Error {
  override readonly name = 'SpeechError';
}
