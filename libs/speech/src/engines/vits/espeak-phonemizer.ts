import { SpeechError } from '../../speech-error';
import type { Phonemizer } from './phonemizer';

/** Marks of a change of language inside a clause, `(en)` for example. */
const languageSwitch = /\([^)]+\)/g;

/**
 * eSpeak NG, compiled to WebAssembly in the package `phonemizer`. eSpeak NG is GPL-3: this file is the only one that uses
 * it. Throws when it does not know the voice.
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
  /** `clauses` gives the phonemes of each clause that eSpeak finds in a text. */
  constructor(private readonly clauses: (text: string) => Promise<readonly string[]>) {}

  async phonemize(text: string): Promise<string> {
    return tidy((await this.clauses(text)).join(' '));
  }

  /** One call for all words, each a sentence; where eSpeak finds more or fewer clauses than words, a call for each. */
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

/** The package listens for every uncaught error of the process, to throw it again with its own megabyte of source beside it. */
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
