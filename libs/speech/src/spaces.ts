/** Chinese, Japanese, Thai, Lao, Burmese, Khmer, Cantonese. */
const spaceless = new Set(['zh', 'ja', 'th', 'lo', 'my', 'km', 'yue']);

/** Whether a language is written with spaces between words and sentences. `language` is a primary tag. */
export const usesSpaces = (language: string): boolean => !spaceless.has(language);
