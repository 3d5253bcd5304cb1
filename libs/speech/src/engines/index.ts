export { SpeechError } from '../speech-error';
export * from './engine';
export type { EngineLoad, EngineModel, EngineStep } from './engine-definition';
export * from './registry';
export * from './stt-engine';
export * from './tts-engine';
export * from './silero/endpointer';
export * from './whisper/whisper-engine';
export * from './vits';
