/** Whether the text contains a letter or a digit. Punctuation, symbols and white space alone are not spoken. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
