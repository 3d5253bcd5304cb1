export * from './stt.handler';
export * from './tts.handler';
