export type { SampleSink } from './decoder-thread';
export type { DecodingLimits } from './limits';
export { RawAudio, type PcmAudio, type RawFormat } from './pcm-audio';
export type { RecordingDecoder } from './recording-decoder';
export { RecordingDecoders } from './recording-decoders';
export type { ReceivedAudio } from './speech-track';
