import type { FastifyReply } from 'fastify';
import type { OpenAnswer } from '@app/broker';
import type { OfferVerdict } from '@app/protocol';

/**
 * Interval of blank lines, in milliseconds. Proxies close idle connections, and their shortest common time-out is 30 s.
 */
const sayOpenMs = 10_000;

/**
 * The HTTP response to a job. It begins when the job has a seat, so that a proxy's limit on the time to the first byte
 * excludes the run. Blank lines keep it open, which JSON allows before a value. The verdict ends it.
 */
export class HttpAnswer implements OpenAnswer {
  private verdict: OfferVerdict | undefined;
  private begun = false;
  private saidOpenAt = 0;

  constructor(
    private readonly reply: FastifyReply,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Starts the response. `onGone` is called when the client disconnects. */
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

  /** Ends the response with the verdict. Before `begin` the verdict is stored until then. */
  end(verdict: OfferVerdict): void {
    this.verdict = verdict;
    if (this.begun) this.reply.raw.end(`${JSON.stringify(verdict)}\n`);
  }
}
