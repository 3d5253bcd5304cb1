export { SpeechError } from '../speech-error';
export * from './engine';
export * from './stt-engine';
export * from './tts-engine';
