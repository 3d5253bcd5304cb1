export { SpeechError } from '../speech-error';
export * from './engine';
export * from './stt-engine';
export * from './tts-engine';
export * from './silero/endpointer';
export * from './whisper/whisper-engine';
export * from './vits';
