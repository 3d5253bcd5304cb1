import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { PodTimes } from './pod-process';

/** The way from a request at zero workers to its first audio, each part in ms. */
export interface WakeReport {
  /** Until KEDA asks for a worker. */
  readonly pollMs: number;
  /** Until the pod is on a node. */
  readonly scheduleMs: number;
  /** Until its process answers at all; without the pull of an image. */
  readonly startMs: number;
  /** Until its models are loaded and warm. */
  readonly loadMs: number;
  /** Until the first audio is at the client. */
  readonly speakMs: number;
  readonly totalMs: number;
}

/** Takes the way apart; all moments in ms of `performance.now()`. */
export function wakeReport(
  { requestAtMs, wantedAtMs, firstAudioAtMs }: { requestAtMs: number; wantedAtMs: number; firstAudioAtMs: number },
  { scheduledAtMs, aliveAtMs = NaN, readyAtMs = NaN }: PodTimes,
): WakeReport {
  return {
    pollMs: Math.round(wantedAtMs - requestAtMs),
    scheduleMs: Math.round(scheduledAtMs - wantedAtMs),
    startMs: Math.round(aliveAtMs - scheduledAtMs),
    loadMs: Math.round(readyAtMs - aliveAtMs),
    speakMs: Math.round(firstAudioAtMs - readyAtMs),
    totalMs: Math.round(firstAudioAtMs - requestAtMs),
  };
}

/** Writes the report to a file and prints it in one line. */
export function publishWakeReport(report: WakeReport, pollingIntervalSeconds: number, file: string): void {
  const context = { pollingIntervalSeconds, cores: availableParallelism() };
  writeFileSync(file, `${JSON.stringify({ ...report, ...context }, null, 2)}\n`);
  const parts = Object.entries(report).map(([name, ms]) => `${name.replace(/Ms$/, '')} ${ms} ms`);
  process.stdout.write(
    `first request at zero workers to first audio: ${parts.join(', ')} ` +
      `(KEDA asked every ${pollingIntervalSeconds} s; ${file})\n`,
  );
}
