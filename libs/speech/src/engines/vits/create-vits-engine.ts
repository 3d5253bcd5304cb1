import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SpeechError } from '../../speech-error';
import type { EngineSettings } from '../engine';
import type { TtsEngine } from '../tts-engine';
import { loadEspeakPhonemizer } from './espeak-phonemizer';
import { storedGraphs } from './graph-store';
import { TextFrontend } from './text-frontend';
import { UtteranceEncoder } from './utterance-encoder';
import { readVitsConfig } from './vits-config';
import { VitsEngine } from './vits-engine';
import { VitsSessions } from './vits-sessions';

/** Most windows in one run. On a CPU a larger batch gains nothing, so 16 is enough. */
const maxBatch = { cpu: 16, cuda: 64 } as const;

/**
 * Loads the Piper voice of a model folder that holds one `NAME.onnx` and its `NAME.onnx.json`. Throws a SpeechError if
 * the folder or the voice is not as expected. Also throws for int8: it makes these convolutions no faster and the voice
 * worse.
 */
export async function createVitsEngine(settings: EngineSettings): Promise<TtsEngine> {
  if (settings.precision !== 'float32') {
    throw new SpeechError(`precision ${settings.precision}: the engine vits runs in float32 only`);
  }
  const voicePath = await findVoice(settings.modelFolder);
  const config = await readVitsConfig(`${voicePath}.json`);
  // eSpeak compiles in the background while the graphs load.
  const [phonemizer, sessions] = await Promise.all([
    loadEspeakPhonemizer(config.espeakVoice),
    storedGraphs(voicePath, settings.graphsFolder).then((graphs) => VitsSessions.load(graphs, settings)),
  ]);
  const capabilities = {
    sampleRateHz: config.sampleRateHz,
    languages: [config.language],
    maxBatch: maxBatch[settings.executionProvider],
  };
  const encoder = new UtteranceEncoder(config, new TextFrontend(config.phonemeIds, phonemizer), sessions);
  return new VitsEngine(capabilities, encoder, sessions);
}

async function findVoice(folder: string): Promise<string> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new SpeechError(`the model folder ${folder} cannot be read`, { cause });
  });
  const voices = names.filter((name) => name.endsWith('.onnx') && names.includes(`${name}.json`));
  const [voice] = voices;
  if (voice === undefined || voices.length > 1) {
    throw new SpeechError(`${folder} must hold one voice, NAME.onnx and NAME.onnx.json; it holds ${voices.length}`);
  }
  return join(folder, voice);
}
