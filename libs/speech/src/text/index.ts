export { usesSpaces } from '../spaces';
export { SpeechError } from '../speech-error';
export * from './speakable';
export * from './splitter';
export type { UtteranceLimits } from './utterance-end';
export * from './words';
