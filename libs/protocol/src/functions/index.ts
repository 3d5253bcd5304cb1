export * from './stt.function';
export * from './tts.function';
