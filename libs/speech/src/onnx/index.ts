export { SpeechError } from '../speech-error';
export * from './codec';
export * from './convolution-rank';
export * from './cutter';
export * from './graph-builder';
export * from './model';
export * from './tensor';
