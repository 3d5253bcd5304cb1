import type { ProblemError, SttOutput, TtsOutput } from '@app/protocol';
import type { Claim, JobListener } from '../client';

/** What the jobs of these tests answer. */
type Output = TtsOutput | SttOutput;

/** A session's side of one job that records what it receives. TTS audio goes on where it stopped. */
export class RecordingListener implements JobListener {
  readonly claims: Claim[] = [];
  readonly outputs: Output[] = [];
  readonly bodies: Buffer[] = [];
  /** `end` or the problem's code, as often as received. */
  readonly ends: string[] = [];
  problem: ProblemError | undefined;
  private durations: readonly number[] | undefined;
  private receivedSamples = 0;
  /** Called in place of the recording's own answer. */
  resume: () => object = () => ({
    offsetSamples: this.receivedSamples,
    ...(this.durations ? { durations: this.durations } : {}),
  });

  /** Called after the end or the problem. */
  onOver: () => void = () => undefined;

  onClaim(claim: Claim): void {
    this.claims.push(claim);
  }

  onOutput(output: Output, body: Uint8Array): void {
    this.outputs.push(output);
    this.bodies.push(Buffer.from(body));
    if (output.type === 'plan') this.durations = output.durations;
    if (output.type === 'audio') this.receivedSamples = output.offsetSamples + body.length / 4;
  }

  onEnd(): void {
    this.ends.push('end');
    this.onOver();
  }

  onProblem(problem: ProblemError): void {
    this.problem = problem;
    this.ends.push(problem.code);
    this.onOver();
  }

  /** Types of the outputs, with the offset of audio. */
  get received(): string[] {
    return this.outputs.map((output) =>
      'offsetSamples' in output ? `${output.type}@${output.offsetSamples}` : output.type,
    );
  }
}
