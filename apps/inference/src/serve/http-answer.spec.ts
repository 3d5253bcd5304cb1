import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { HttpAnswer } from './http-answer';

/** What an answer does to a connection, written down. */
function recordedReply(destroyed = false): { reply: FastifyReply; done: string[]; raw: EventEmitter } {
  const done: string[] = [];
  const raw = Object.assign(new EventEmitter(), {
    destroyed,
    writeHead: (status: number) => void done.push(`head ${status}`),
    flushHeaders: () => undefined,
    write: (text: string) => void done.push(`write ${JSON.stringify(text)}`),
    end: (text: string) => void done.push(`end ${text.trim()}`),
  });
  const reply = { raw, hijack: () => undefined, getHeaders: () => ({}) };
  return { reply: reply as unknown as FastifyReply, done, raw };
}

describe('HttpAnswer', () => {
  it('writes a blank line every ten seconds at most, and none before it has begun', () => {
    const { reply, done } = recordedReply();
    let nowMs = 0;
    const answer = new HttpAnswer(reply, () => nowMs);
    answer.keepOpen();
    answer.begin(() => undefined);
    for (nowMs = 500; nowMs <= 20_000; nowMs += 500) answer.keepOpen();
    expect(done).toEqual(['head 200', 'write "\\n"', 'write "\\n"']);
  });

  it('keeps a verdict that comes before its beginning', () => {
    const { reply, done } = recordedReply();
    const answer = new HttpAnswer(reply);
    answer.end({ verdict: 'term' });
    answer.begin(() => undefined);
    expect(done).toEqual(['head 200', 'end {"verdict":"term"}']);
  });

  it('tells once that the caller is gone: later, at once where it was before, and not after the verdict', () => {
    let gone = 0;
    const onGone = (): void => void (gone += 1);
    const open = recordedReply();
    new HttpAnswer(open.reply).begin(onGone);
    open.raw.emit('close');
    expect(gone).toBe(1);
    new HttpAnswer(recordedReply(true).reply).begin(onGone);
    expect(gone).toBe(2);
    const ended = recordedReply();
    const answer = new HttpAnswer(ended.reply);
    answer.begin(onGone);
    answer.end({ verdict: 'ack' });
    ended.raw.emit('close');
    expect(gone).toBe(2);
  });
});
