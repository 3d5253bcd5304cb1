/** Turns text into phonemes as the voices were trained with: IPA, words set apart by spaces, without punctuation. */
export interface Phonemizer {
  /** Empty when nothing is to be said. */
  phonemize(text: string): Promise<string>;
  /** How each word is pronounced when it stands alone. */
  pronounce(words: readonly string[]): Promise<string[]>;
}
