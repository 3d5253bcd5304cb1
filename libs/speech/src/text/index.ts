export { SpeechError } from '../speech-error';
export * from './words';
