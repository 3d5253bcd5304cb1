export * from './job';
export * from './stt.job';
export * from './tts.job';
