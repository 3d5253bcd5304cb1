import { columnWidths, tableLines } from '../table';
import type { LicenseResult } from './license-bench';
import type { SttResult } from './stt-bench';
import type { SweepRow } from './context-sweep';
import type { StageMeans } from './stages';
import type { TtsResult } from './tts-load';

/** A goal, the measured value, and whether it was met. */
export interface TargetRow {
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

const ms = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** Prints a table with a rule below its headings. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const rule = columnWidths([headings, ...rows]).map((width) => '-'.repeat(width));
  console.log(['', ...tableLines([headings, rule, ...rows])].join('\n'));
}

export function sayTts(results: readonly TtsResult[], stages: StageMeans | undefined): void {
  table(
    ['TEXT TO SPEECH', 'CONTEXTS', 'FIRST AUDIO P50 ms', 'P95 ms', 'AUDIO s/s', 'RAN DRY'],
    results.map((row) => [
      row.speaker,
      String(row.contexts),
      ms(row.firstAudioP50Ms),
      ms(row.firstAudioP95Ms),
      row.audioSecondsPerSecond.toFixed(1),
      percent(row.underrunShare),
    ]),
  );
  if (!stages) return;
  table(
    ['WHERE A REQUEST SPENDS ITS TIME', 'MEAN ms, P50 where it says so'],
    Object.entries(stages).map(([name, value]) => [name, ms(value as number)]),
  );
}

export function sayStt(results: readonly SttResult[]): void {
  table(
    ['SPEECH TO TEXT', 'WORDS', 'WER', '95 % INTERVAL', 'P50 ms', 'P95 ms', 'RTF'],
    results.map((row) => [
      row.recogniser,
      String(row.words),
      percent(row.wordErrorRate),
      row.interval.map(percent).join(' to '),
      ms(row.p50Ms),
      ms(row.p95Ms),
      row.realTimeFactor.toFixed(3),
    ]),
  );
}

/** Prints the memory by part and the time of the start. */
export function sayStack(memoryMb: Readonly<Record<string, number>>, startMs: number): void {
  table(
    ['MEMORY', 'MB'],
    Object.entries(memoryMb).map(([part, mb]) => [part, mb.toFixed(0)]),
  );
  console.log(`\nstart to ready: ${(startMs / 1_000).toFixed(1)} s`);
}

export function saySweep(rows: readonly SweepRow[]): void {
  table(
    ['ENCODER CONTEXT at least s', 'WER', '95 % INTERVAL', 'ENCODER P50 ms', 'DECODER P50 ms', 'FELL BACK'],
    rows.map((row) => [
      String(row.contextSeconds),
      percent(row.wordErrorRate),
      row.interval.map(percent).join(' to '),
      ms(row.encodeP50Ms),
      ms(row.decodeP50Ms),
      percent(row.fallBackShare),
    ]),
  );
}

export function sayLicense(results: readonly LicenseResult[]): void {
  table(
    ['AUTHORISATION BY', 'PER SECOND', 'FAILED', 'P50 ms', 'P95 ms', 'P99 ms', 'MAX ms'],
    results.map((row) => [
      row.credential,
      row.perSecond.toFixed(0),
      String(row.failed),
      ...[row.p50Ms, row.p95Ms, row.p99Ms, row.maxMs].map((value) => value.toFixed(2)),
    ]),
  );
}

/** The goal of the license app for each kind of credential; a request that failed misses it. */
export const licenseTargets = (results: readonly LicenseResult[]): TargetRow[] =>
  results.map(({ credential, failed, p99Ms }) => ({
    goal: `p99 of an authorisation by ${credential} at 2,000 requests per second under 3 ms`,
    measured: `${p99Ms.toFixed(2)} ms`,
    met: failed === 0 && p99Ms < 3,
  }));

export function sayTargets(rows: readonly TargetRow[]): void {
  table(
    ['TARGET', 'MEASURED', ''],
    rows.map(({ goal, measured, met }) => [goal, measured, met ? 'met' : 'MISSED']),
  );
}

/** The project's goals against a peer that was measured in the same run. A goal without figures is left out. */
export function targetsOf(
  tts: readonly TtsResult[],
  stt: { readonly upload: readonly SttResult[]; readonly live: readonly SttResult[] } | undefined,
  stages: StageMeans | undefined,
): TargetRow[] {
  return [
    ...ttsTargets(tts),
    ...(stt ? sttTargets(stt.upload, stt.live) : []),
    ...(stages ? [overheadTarget(stages)] : []),
  ];
}

function ttsTargets(results: readonly TtsResult[]): TargetRow[] {
  const at = (contexts: number) => {
    const rows = results.filter((row) => row.contexts === contexts);
    return {
      ours: rows.find(({ speaker }) => speaker === 'antiphon'),
      theirs: rows.find(({ speaker }) => speaker !== 'antiphon'),
    };
  };
  const [one, eight] = [at(1), at(8)];
  return [
    ...ratio(
      'first audio p50 at 1 context, at most 0.25 of Piper',
      one.ours?.firstAudioP50Ms,
      one.theirs?.firstAudioP50Ms,
      atMost(0.25),
    ),
    ...ratio(
      'first audio p95 at 8 contexts, at most 0.125 of Piper',
      eight.ours?.firstAudioP95Ms,
      eight.theirs?.firstAudioP95Ms,
      atMost(0.125),
    ),
    ...ratio(
      'audio per second at 8 contexts, at least 1.3 of Piper',
      eight.ours?.audioSecondsPerSecond,
      eight.theirs?.audioSecondsPerSecond,
      (value) => value >= 1.3,
    ),
  ];
}

function sttTargets([upload, uploadPeer]: readonly SttResult[], [live, livePeer]: readonly SttResult[]): TargetRow[] {
  const rows = ratio(
    'latency of a 5 s utterance, at most 0.5 of faster-whisper',
    live?.p50Ms,
    livePeer?.p50Ms,
    atMost(0.5),
  );
  if (!upload || !uploadPeer) return rows;
  const points = 100 * (upload.wordErrorRate - uploadPeer.wordErrorRate);
  const goal = 'word error rate at most 1 point above faster-whisper';
  return [...rows, { goal, measured: `${points.toFixed(2)} points`, met: points <= 1 }];
}

function overheadTarget({ overheadP50 }: StageMeans): TargetRow {
  return {
    goal: 'gateway, bus and licence add at most 5 ms p50 at 1 context',
    measured: `${overheadP50.toFixed(1)} ms`,
    met: overheadP50 <= 5,
  };
}

const atMost =
  (most: number) =>
  (value: number): boolean =>
    value <= most;

function ratio(
  goal: string,
  ours: number | undefined,
  theirs: number | undefined,
  met: (value: number) => boolean,
): TargetRow[] {
  if (ours === undefined || theirs === undefined) return [];
  const value = ours / theirs;
  return [{ goal, measured: `${value.toFixed(3)} (${ms(ours)} against ${ms(theirs)})`, met: met(value) }];
}
