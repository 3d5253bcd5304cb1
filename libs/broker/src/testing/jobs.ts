import type { JobRequest } from '../client';
import type { Lane, SttOutput, TtsOutput } from '@app/protocol';

export const ttsLane: Lane = { kind: 'tts', model: 'piper' };
export const sttLane: Lane = { kind: 'stt', model: 'whisper' };

/** A request that passes the rules of its kind. */
export const ttsRequest = (jobClass = 'first', text = 'Hello.'): JobRequest => ({
  lane: ttsLane,
  jobClass,
  job: { requestId: 'request', model: 'piper', text, voice: 'joe', language: 'en', seed: 1, speed: 1, bufferedMs: 0 },
});

export const sttRequest = (): JobRequest => ({
  lane: sttLane,
  jobClass: 'open',
  job: { requestId: 'request', model: 'whisper', language: 'en', words: false, pace: 'live' },
});

export const plan: TtsOutput = {
  type: 'plan',
  sampleRateHz: 22_050,
  totalSamples: 8,
  durations: [3, 5],
  words: [],
  phonemes: [],
};
export const audio = (offsetSamples: number): TtsOutput => ({ type: 'audio', offsetSamples });
export const ttsEnd: TtsOutput = {
  type: 'end',
  totalSamples: 8,
  timings: { seatWaitMs: 0, frontendMs: 0, encodeMs: 0, decodeMs: 0, firstWindowMs: 0 },
};
export const credit = (consumedSamples: number): SttOutput => ({ type: 'credit', consumedSamples });
export const sttEnd: SttOutput = { type: 'end', totalSamples: 0 };
