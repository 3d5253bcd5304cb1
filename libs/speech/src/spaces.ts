/** Chinese, Japanese, Thai, Lao, Burmese, Khmer, Cantonese. */
const spaceless = new Set(['zh', 'ja', 'th', 'lo', 'my', 'km', 'yue']);

/** Whether a language, given by its primary tag, is written with spaces between words and sentences. */
export const usesSpaces = (language: string): boolean => !spaceless.has(language);
