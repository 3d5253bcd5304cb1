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
  const speak = async (text: string): Promise<string> =>
    (await phonemize(text, voice)).join(' ').replace(languageSwitch, '').replace(/\s+/g, ' ').trim();
  try {
    await speak('a');
  } catch (cause) {
    throw new SpeechError(`eSpeak NG has no voice "${voice}"`, { cause });
  }
  return { phonemize: speak };
}

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
