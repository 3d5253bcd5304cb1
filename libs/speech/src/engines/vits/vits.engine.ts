import { SpeechError } from '../../speech-error';
import { defineEngine, type EngineLoad } from '../engine-definition';
import { createVitsEngine } from './create-vits-engine';
import { VoiceEngines } from './voice-engines';

/** Piper voices: every voice of a lane in one engine. */
export const vitsEngine = defineEngine({
  name: 'vits',
  load: async ({ models, settings }: EngineLoad, onLoading) => {
    const folders = new Map(models.map(({ id, folder }) => [id, folder]));
    const voices = new VoiceEngines((voice) => {
      const modelFolder = folders.get(voice);
      if (modelFolder === undefined) throw new SpeechError('the voice is not installed');
      onLoading();
      // int8 makes the convolutions of a voice no faster and its sound worse.
      return createVitsEngine({ ...settings, precision: 'float32', modelFolder });
    });
    for (const { id, preload } of models) if (preload) await voices.load(id);
    return voices;
  },
});
