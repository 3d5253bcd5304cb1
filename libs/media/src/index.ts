export type { SampleSink } from './decoder-thread';
export type { DecodingLimits } from './limits';
export { mp3BitRates, Mp3Encoder, mp3SampleRatesHz, type Mp3Format } from './mp3-encoder';
export { RawAudio, type PcmAudio, type RawFormat } from './pcm-audio';
export type { RecordingDecoder } from './recording-decoder';
export { RecordingDecoders, type RecordingSource } from './recording-decoders';
export type { ReceivedAudio } from './speech-track';
