import type { Claim, JobListener } from '@app/broker';
import {
  laneClasses,
  laneName,
  ProblemError,
  type Lane,
  type SttOutput,
  type SttResume,
  type SttSegment,
} from '@app/protocol';
import type { ReceivedAudio } from '@app/media';
import { sttSampleRateHz } from '@app/speech/audio';
import type { CancelReason, RequestScope } from '../scope/request-scope';
import type { Use } from '../usage/usage-record';
import type { SttClient, SttEnd, SttSettings } from './stream-events';
import { Transcripts } from './transcripts';
import { WorkerFeed } from './worker-feed';

type State =
  /** No audio has arrived, so there is no job. */
  | 'silent'
  /** There is a job, and more audio may come. */
  | 'open'
  /** No more audio will arrive. The rest of it is being recognised. */
  | 'closing'
  /** The usage record is being stored. The client is not told of the end yet. */
  | 'ended'
  | 'told';

/**
 * One STT stream of a client. Audio goes in and transcripts come out. `ended` is the last event, occurs once and
 * comes after the usage record is stored. The session keeps the audio since the last final, so that a later attempt can recognise it again. The job
 * starts at the first audio.
 */
export class SttSession implements JobListener {
  private state: State = 'silent';
  private readonly lane: Lane;
  private readonly feed = new WorkerFeed();
  private readonly transcripts = new Transcripts();
  private lastAudioAtMs = 0;
  private lastFinalAtMs = 0;

  constructor(
    private readonly scope: RequestScope,
    private readonly settings: SttSettings,
    private readonly audio: { readonly received: ReceivedAudio },
    private readonly client: SttClient,
  ) {
    this.lane = { kind: 'stt', model: settings.model.model };
    scope.measure(() => this.use());
    scope.whenCallerGone(() => this.cancel('disconnected'));
  }

  /** Whether the client should wait for `drained` before it sends more. */
  get full(): boolean {
    return this.feed.isFull;
  }

  /** Whether all finals of the audio so far have been sent. */
  get isIdle(): boolean {
    if (this.state === 'silent' || this.state === 'told') return true;
    if (this.state === 'ended') return false;
    return this.feed.isSettled && !this.transcripts.hasOpenWords;
  }

  /** Whether more audio may come. Audio after the close is ignored. */
  get takesAudio(): boolean {
    return this.state === 'silent' || this.state === 'open';
  }

  /** Takes mono audio at the rate of STT, 16 bits. */
  push(samples: Int16Array): void {
    if (!this.takesAudio || samples.length === 0) return;
    this.lastAudioAtMs = performance.now();
    if (this.state === 'silent') void this.submit();
    this.feed.append(samples);
  }

  /** Makes finals for all audio so far, then sends `flushed`. The stream stays open. */
  finalize(): void {
    if (this.state === 'silent') this.client.receive({ type: 'flushed' });
    if (this.state === 'open') this.feed.finalize(false);
  }

  /** Makes finals for all audio so far, without `flushed`. */
  settle(): void {
    if (this.state === 'open') this.feed.finalize(true);
  }

  /** Ends the audio. The remaining finals follow, then the end. */
  close(): void {
    if (this.state === 'silent') this.end({ outcome: 'done', durationSeconds: 0 });
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.feed.close();
  }

  /** Stops at once. */
  cancel(reason: CancelReason): void {
    this.end({ outcome: 'cancelled', reason });
  }

  fail(problem: ProblemError): void {
    this.end({ outcome: 'error', problem });
  }

  resume(): SttResume {
    return { offsetSamples: this.feed.resumeSample(this.transcripts.finalSample) };
  }

  onClaim(claim: Claim): void {
    this.scope.metrics.waitedInQueue(laneName(this.lane), claim.waitedMs);
    this.feed.claimed(this.transcripts.finalSample);
  }

  onOutput(output: SttOutput): void {
    if (this.hasEnded()) return;
    switch (output.type) {
      case 'credit':
        if (this.feed.credit(output.consumedSamples, this.transcripts.finalSample)) this.client.drained();
        return;
      case 'partial':
        return this.onPartial(output);
      case 'final':
        return this.onFinal(output);
      case 'flushed':
        for (let left = this.feed.flushed(output.marker); left > 0; left--) this.client.receive({ type: 'flushed' });
        return;
      default:
        return;
    }
  }

  onEnd(): void {
    if (this.state !== 'closing')
      return this.fail(new ProblemError('internal', { cause: new Error('an STT job ended by itself') }));
    this.end({ outcome: 'done', durationSeconds: this.feed.endSample / sttSampleRateHz });
  }

  onProblem(problem: ProblemError): void {
    this.fail(problem);
  }

  private async submit(): Promise<void> {
    this.state = 'open';
    const { model, language, words, pace } = this.settings;
    const [jobClass = ''] = laneClasses(this.lane);
    const job = { requestId: this.scope.requestId, model: model.model, language, words, pace };
    try {
      const handle = await this.scope.submit({ lane: this.lane, jobClass, job }, this);
      if (this.hasEnded()) handle.cancel('ended');
      else this.feed.attach(handle);
    } catch (error) {
      this.fail(ProblemError.from(error));
    }
  }

  private onPartial(segment: SttSegment): void {
    const transcript = this.transcripts.partial(segment);
    if (transcript) this.client.receive({ type: 'transcript', isFinal: false, transcript });
  }

  private onFinal(segment: SttSegment): void {
    const { finalSample } = this.transcripts;
    const transcript = this.transcripts.final(segment);
    if (this.transcripts.finalSample === finalSample) return;
    this.lastFinalAtMs = performance.now();
    this.feed.finalTo(this.transcripts.finalSample);
    if (transcript) this.client.receive({ type: 'transcript', isFinal: true, transcript });
  }

  private end(end: SttEnd): void {
    if (this.hasEnded()) return;
    this.state = 'ended';
    const { metrics } = this.scope;
    if (end.outcome === 'done' && this.lastFinalAtMs > this.lastAudioAtMs) {
      metrics.transcriptionLatency(this.lane.model, this.lastFinalAtMs - this.lastAudioAtMs);
    }
    metrics.audioPassed('stt', this.lane.model, (this.feed.endSample / sttSampleRateHz) * 1000);
    this.feed.stop(end.outcome === 'done' ? undefined : end.outcome);
    this.scope.end(end, () => {
      this.state = 'told';
      this.client.receive({ type: 'ended', ...end });
    });
    if (this.feed.isFull) this.client.drained();
  }

  private use(): Use {
    const { samples, sampleRateHz } = this.audio.received;
    return { characters: 0, audioSamples: samples, sampleRateHz };
  }

  private hasEnded(): boolean {
    return this.state === 'ended' || this.state === 'told';
  }
}
