import { encodeFrame, TerminalAnswer, type OutputEnvelope } from '@app/protocol';
import type { Broker } from '../broker';
import { readFrame } from '../wire';
import { SentFrames } from './sent-frames';

/** What the session makes of the last frame of an attempt. */
export type Verdict = TerminalAnswer['verdict'];

/** What one frame says. */
export type OutputContent = Pick<OutputEnvelope, 'output' | 'problem' | 'handBack'>;

const confirmTimeoutMs = 500;
const confirmTries = 3;
const resendBytes = 8 * 1024 * 1024;

/** The outputs of an attempt on their way to its session: numbered, kept for a while, sent again where they were lost. */
export class AttemptOutputs {
  private readonly sent = new SentFrames(resendBytes);

  constructor(
    private readonly broker: Broker,
    private readonly subject: string,
    private readonly sender: Pick<OutputEnvelope, 'workerId' | 'attempt'>,
  ) {}

  /** Outputs sent so far. */
  get count(): number {
    return this.sent.next;
  }

  /** Throws where the bus refuses it. */
  send(content: OutputContent, body?: Uint8Array): void {
    this.broker.publish(this.subject, this.next(content, body));
  }

  /** Sends everything from this sequence on again. False when some of it is forgotten. Throws where the bus refuses it. */
  resend(sequence: number): boolean {
    const frames = this.sent.from(sequence);
    for (const frame of frames ?? []) this.broker.publish(this.subject, frame);
    return frames !== undefined;
  }

  /** Sends the last frame of the attempt and resolves with the session's answer; undefined when there is none, or none is wanted. */
  async confirm(content: OutputContent, isWanted: () => boolean): Promise<Verdict | undefined> {
    const frame = this.next(content);
    for (let tries = 0; tries < confirmTries && isWanted(); tries += 1) {
      const answer = await this.broker.request(this.subject, frame, confirmTimeoutMs).catch(() => undefined);
      const verdict = answer && readFrame(TerminalAnswer, answer)?.header.verdict;
      if (verdict) return verdict;
    }
    return undefined;
  }

  private next(content: OutputContent, body?: Uint8Array): Uint8Array {
    const envelope: OutputEnvelope = { ...this.sender, sequence: this.sent.next, ...content };
    const frame = encodeFrame(envelope, body);
    this.sent.add(frame);
    return frame;
  }
}
