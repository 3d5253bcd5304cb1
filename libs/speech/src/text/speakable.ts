/** Whether there is a letter or a digit in it; punctuation, symbols and white space alone are not spoken. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
