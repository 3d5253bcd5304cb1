/** Turns text into the phonemes with which the voices were trained: IPA, words separated by spaces, no punctuation. */
export interface Phonemizer {
  /** Returns an empty text if there is nothing to say. */
  phonemize(text: string): Promise<string>;
  /** The pronunciation of each word on its own. */
  pronounce(words: readonly string[]): Promise<string[]>;
}
