export { SpeechError } from '../speech-error';
export * from './batch-policy';
export * from './playback';
export * from './profile';
export * from './step-scheduler';
