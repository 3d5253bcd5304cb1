export { SpeechError } from '../speech-error';
export * from './level';
export * from './pcm';
export * from './resampler';
export * from './sniff';
export * from './stt-rate';
export * from './wav-reader';
export * from './wav-writer';
