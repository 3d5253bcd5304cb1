import { SpeechError } from '../../speech-error';
import { defineEngine } from '../engine-definition';
import { createWhisperEngine } from './whisper-engine';

/** Whisper with the speech detector of Silero: one model for each lane. */
export const whisperEngine = defineEngine({
  name: 'whisper',
  load: ({ models: [model], settings, tuning }) => {
    if (!model) throw new SpeechError('the engine whisper needs a model');
    const options = {
      paddingSeconds: tuning.contextPaddingMs / 1_000,
      contextSeconds: tuning.encoderContextMs / 1_000,
      maxBatch: tuning.batchSize,
    };
    return createWhisperEngine({ ...settings, modelFolder: model.folder, options });
  },
});
