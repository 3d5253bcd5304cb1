import type { FastifyReply } from 'fastify';
import type { OpenAnswer } from '@app/broker';
import type { OfferVerdict } from '@app/protocol';

/** Proxies end a connection on which nothing moves; the shortest such time in common use is half a minute. */
const sayOpenMs = 10_000;

/**
 * The answer to a job over HTTP. It begins when the job has its seat, so that a proxy's limit on the time to a first byte does not
 * count the run; blank lines keep it open, which JSON allows before a value; the verdict ends it.
 */
export class HttpAnswer implements OpenAnswer {
  private verdict: OfferVerdict | undefined;
  private begun = false;
  private saidOpenAt = 0;

  constructor(
    private readonly reply: FastifyReply,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `onGone` is called when nobody waits for the verdict any more. */
  begin(onGone: () => void): void {
    const { raw } = this.reply;
    this.reply.hijack();
    if (raw.destroyed) {
      onGone();
      return;
    }
    raw.once('close', () => {
      if (!this.verdict) onGone();
    });
    const headers = this.reply.getHeaders() as Record<string, string>;
    raw.writeHead(200, { ...headers, 'content-type': 'application/json; charset=utf-8' });
    raw.flushHeaders();
    this.begun = true;
    this.saidOpenAt = this.now();
    if (this.verdict) this.end(this.verdict);
  }

  keepOpen(): void {
    if (!this.begun || this.now() - this.saidOpenAt < sayOpenMs) return;
    this.saidOpenAt = this.now();
    this.reply.raw.write('\n');
  }

  /** Before `begin` it is kept until then. */
  end(verdict: OfferVerdict): void {
    this.verdict = verdict;
    if (this.begun) this.reply.raw.end(`${JSON.stringify(verdict)}\n`);
  }
}
