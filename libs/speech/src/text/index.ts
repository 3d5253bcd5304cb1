export { SpeechError } from '../speech-error';
