import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWav, wavFile } from '@app/speech/audio';
import { wordErrorRate } from '../../test/support/word-error-rate';
import { corpus } from './corpus';
import type { Deployment } from './deployment';
import type { FasterWhisper, Heard } from './peer-processes';
import type { PeerEnvironment } from './python';
import { bootstrapInterval, median, quantile, rateOf, type Errors } from './statistics';
import { transcribeLive, transcribeUpload, withNoise, type Recording } from './stt-load';

/** The results of a recogniser on a set of recordings. */
export interface SttResult {
  readonly recogniser: string;
  readonly words: number;
  readonly wordErrorRate: number;
  readonly interval: readonly [low: number, high: number];
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Time of recognition divided by time of audio. */
  readonly realTimeFactor: number;
}

/** Whether the latency of the utterance is compared: its length is that of a sentence. */
const aboutFiveSeconds = (recording: Recording): boolean => Math.abs(durationOf(recording) - 5) < 1;
const durationOf = ({ samples, sampleRateHz }: Recording): number => samples.length / sampleRateHz;
const liveUtterances = 8;
const noiseDb = 10;

/**
 * Measures the word error rates of all recordings, with ours and the peer in turns. Then measures the latency of
 * utterances of about 5 s, sent at the pace of speech.
 */
export async function benchStt(
  deployment: Deployment,
  recordings: readonly Recording[],
  peer: { readonly recogniser: FasterWhisper; readonly folder: string } | undefined,
): Promise<{ upload: SttResult[]; live: SttResult[] }> {
  const ours: Heard[] = [];
  const theirs: Heard[] = [];
  for (const [number, recording] of recordings.entries()) {
    ours.push(await transcribeUpload(deployment.target, recording));
    if (peer) theirs.push(await peer.recogniser.transcribe(fileOf(peer.folder, number, recording)));
  }
  const live: Heard[] = [];
  const after: Heard[] = [];
  const sentences = recordings.filter(aboutFiveSeconds).slice(0, liveUtterances);
  for (const [number, recording] of sentences.entries()) {
    live.push(await transcribeLive(deployment.target, recording));
    if (peer) after.push(await peer.recogniser.transcribe(fileOf(peer.folder, number, recording)));
  }
  const peerRow = (set: readonly Recording[], heard: readonly Heard[]) =>
    peer ? [resultOf('faster-whisper, beam 1', set, heard)] : [];
  return {
    upload: [resultOf('antiphon, file', recordings, ours), ...peerRow(recordings, theirs)],
    live: sentences.length === 0 ? [] : [resultOf('antiphon, live', sentences, live), ...peerRow(sentences, after)],
  };
}

function fileOf(folder: string, number: number, { samples, sampleRateHz }: Recording): string {
  const file = join(folder, `utterance-${number}.wav`);
  writeFileSync(file, wavFile(samples, { encoding: 'pcm_s16le', sampleRateHz }));
  return file;
}

function resultOf(recogniser: string, recordings: readonly Recording[], heard: readonly Heard[]): SttResult {
  const errors: Errors[] = recordings.map(({ text }, index) => wordErrorRate(text, heard[index]?.text ?? ''));
  const times = heard.map(({ ms }) => ms);
  const audioMs = recordings.reduce((sum, recording) => sum + durationOf(recording) * 1_000, 0);
  return {
    recogniser,
    words: errors.reduce((sum, { words }) => sum + words, 0),
    wordErrorRate: rateOf(errors),
    interval: bootstrapInterval(errors, rateOf),
    p50Ms: median(times),
    p95Ms: quantile(times, 0.95),
    realTimeFactor: times.reduce((sum, ms) => sum + ms, 0) / audioMs,
  };
}

/** The corpus, spoken by a different TTS system, clean and with noise. */
export async function speakCorpus(environment: PeerEnvironment, script: string): Promise<Recording[]> {
  const folder = join(environment.folder, 'corpus');
  mkdirSync(folder);
  console.log('speaking the corpus with hibari…');
  await environment.run(script, [folder], JSON.stringify(corpus));
  const clean = corpus.map((text, number) => readRecording(join(folder, `${number}.wav`), text));
  return [...clean, ...clean.map((recording) => withNoise(recording, noiseDb))];
}

/** Reads a WAV file and adds its text. */
export function readRecording(file: string, text: string): Recording {
  const { samples, sampleRateHz } = readWav(readFileSync(file));
  return { name: file, text, samples, sampleRateHz };
}
