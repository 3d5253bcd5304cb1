export * from './job';
export * from './speech-activity.job';
export * from './stt.job';
export * from './tts.job';
