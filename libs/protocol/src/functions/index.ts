export * from './speech-activity.function';
export * from './stt.function';
export * from './tts.function';
