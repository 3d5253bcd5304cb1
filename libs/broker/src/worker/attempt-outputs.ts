import { encodeFrame, TerminalAnswer, type OutputEnvelope } from '@app/protocol';
import type { Broker } from '../broker';
import { readFrame } from '../wire';
import { SentFrames } from './sent-frames';

/** The session's answer to the last frame of an attempt. */
export type Verdict = TerminalAnswer['verdict'];

/** The content of one frame. */
export type OutputContent = Pick<OutputEnvelope, 'output' | 'problem' | 'handBack'>;

const confirmTimeoutMs = 500;
const confirmTries = 3;
const resendBytes = 8 * 1024 * 1024;

/** Sends the outputs of an attempt to its session. Numbers them, keeps them for a while and sends lost ones again. */
export class AttemptOutputs {
  private readonly sent = new SentFrames(resendBytes);

  constructor(
    private readonly broker: Broker,
    private readonly subject: string,
    private readonly sender: Pick<OutputEnvelope, 'workerId' | 'attempt'>,
  ) {}

  /** Number of outputs sent so far. */
  get count(): number {
    return this.sent.next;
  }

  /** Sends a frame. Throws if NATS refuses it. */
  send(content: OutputContent, body?: Uint8Array): void {
    this.broker.publish(this.subject, this.next(content, body));
  }

  /**
   * Sends all frames from this sequence number on again. Returns false if some of them are no longer stored. Throws if
   * NATS refuses a frame.
   */
  resend(sequence: number): boolean {
    const frames = this.sent.from(sequence);
    for (const frame of frames ?? []) this.broker.publish(this.subject, frame);
    return frames !== undefined;
  }

  /**
   * Sends the last frame of the attempt and resolves with the session's answer. Undefined if there is none, or if it is
   * no longer wanted.
   */
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
