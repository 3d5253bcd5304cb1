export * from './silero/silero.engine';
export * from './vits/vits.engine';
export * from './whisper/whisper.engine';
