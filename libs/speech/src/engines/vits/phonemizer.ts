/** Turns text into phonemes as the voices were trained with. */
export interface Phonemizer {
  /** IPA of a text, its words set apart by spaces, without punctuation; empty when nothing is to be said. */
  phonemize(text: string): Promise<string>;
}
