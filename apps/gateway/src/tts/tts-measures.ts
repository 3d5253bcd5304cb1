import { laneName, type Lane, type TtsTimings } from '@app/protocol';
import type { GatewayMetrics } from '../metrics/gateway-metrics';

/** If the time between the text and the first utterance is shorter than this, the text arrived complete. */
const sameMomentMs = 2;

/** The measurements of one context: from the text to the first audio, and of each utterance. */
export class TtsMeasures {
  private readonly lane: string;
  private firstTextAtMs: number | undefined;
  /** Whether the first utterance was complete as soon as there was text. Reset to false when it has ended. */
  private cameWhole = false;
  private firstAudioMs: number | undefined;

  /** `receivedAtMs` is on the clock of `performance.now`. */
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly model: string,
    lane: Lane,
    private readonly receivedAtMs: number,
  ) {
    this.lane = laneName(lane);
  }

  /** Milliseconds since the request arrived. */
  sinceReceived(): number {
    return performance.now() - this.receivedAtMs;
  }

  text(): void {
    this.firstTextAtMs ??= performance.now();
  }

  firstUtterance(): void {
    this.cameWhole = performance.now() - (this.firstTextAtMs ?? 0) < sameMomentMs;
  }

  /** Call this for each audio. Only the first one counts. */
  firstAudio(): void {
    if (this.firstAudioMs !== undefined) return;
    this.firstAudioMs = this.sinceReceived();
    this.metrics.timeToFirstAudio(this.model, this.firstAudioMs);
  }

  claimed(waitedMs: number): void {
    this.metrics.waitedInQueue(this.lane, waitedMs);
  }

  /** `busMs`: time from publishing an utterance to its plan, without the time in the worker and in the queue. */
  utteranceEnded(timings: TtsTimings, busMs: number): void {
    this.metrics.stage('seat_wait', this.lane, timings.seatWaitMs);
    this.metrics.stage('frontend', this.lane, timings.frontendMs);
    this.metrics.stage('encode', this.lane, timings.encodeMs);
    this.metrics.stage('decode', this.lane, timings.decodeMs);
    this.metrics.stage('bus', this.lane, busMs);
    this.firstUtteranceEnded(timings);
  }

  audioSent(durationMs: number): void {
    this.metrics.audioPassed('tts', this.model, durationMs);
  }

  /** The part of the time to first audio outside the worker. Measured only if the text arrived complete. */
  private firstUtteranceEnded({ seatWaitMs, frontendMs, encodeMs, firstWindowMs }: TtsTimings): void {
    if (this.cameWhole && this.firstAudioMs !== undefined) {
      const workerMs = seatWaitMs + frontendMs + encodeMs + firstWindowMs;
      this.metrics.overhead(this.model, Math.max(0, this.firstAudioMs - workerMs));
    }
    this.cameWhole = false;
  }
}
