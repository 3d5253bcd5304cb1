export * from './speech-activity.handler';
export * from './stt.handler';
export * from './tts.handler';
