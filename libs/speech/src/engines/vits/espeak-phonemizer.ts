import { SpeechError } from '../../speech-error';
import type { Phonemizer } from './phonemizer';

/** Marks a change of language inside a clause, such as `(en)`. */
const languageSwitch = /\([^)]+\)/g;

/**
 * Loads eSpeak NG, compiled to WebAssembly in the package `phonemizer`. eSpeak NG is GPL-3, and only this file uses it.
 * Throws a SpeechError if eSpeak NG does not have the voice.
 */
export async function loadEspeakPhonemizer(voice: string): Promise<Phonemizer> {
  const { phonemize } = await keepingProcessListeners(() => import('phonemizer'));
  const phonemizer = new EspeakPhonemizer((text) => phonemize(text, voice));
  try {
    await phonemizer.phonemize('a');
  } catch (cause) {
    throw new SpeechError(`eSpeak NG has no voice "${voice}"`, { cause });
  }
  return phonemizer;
}

class EspeakPhonemizer implements Phonemizer {
  /** `clauses` returns the phonemes of each clause that eSpeak finds in a text. */
  constructor(private readonly clauses: (text: string) => Promise<readonly string[]>) {}

  async phonemize(text: string): Promise<string> {
    return tidy((await this.clauses(text)).join(' '));
  }

  /**
   * Calls eSpeak once for all words, each as a sentence. If eSpeak finds more or fewer clauses than words, it is called
   * once for each word.
   */
  async pronounce(words: readonly string[]): Promise<string[]> {
    if (words.length === 0) return [];
    const together = await this.clauses(words.join('.\n'));
    if (together.length === words.length) return together.map(tidy);
    const alone: string[] = [];
    for (const word of words) alone.push(await this.phonemize(word));
    return alone;
  }
}

const tidy = (phonemes: string): string => phonemes.replace(languageSwitch, '').replace(/\s+/g, ' ').trim();

/**
 * The package adds a listener for uncaught errors of the process. The listener throws the error again and prints a
 * megabyte of the package's source with it, so it is removed.
 */
async function keepingProcessListeners<T>(load: () => Promise<T>): Promise<T> {
  const uncaught = process.listeners('uncaughtException');
  const unhandled = process.listeners('unhandledRejection');
  const loaded = await load();
  for (const added of process.listeners('uncaughtException')) {
    if (!uncaught.includes(added)) process.off('uncaughtException', added);
  }
  for (const added of process.listeners('unhandledRejection')) {
    if (!unhandled.includes(added)) process.off('unhandledRejection', added);
  }
  return loaded;
}
