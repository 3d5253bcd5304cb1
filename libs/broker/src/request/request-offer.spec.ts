import type { OfferEnd } from './offer-sender';
import { RequestOffer } from './request-offer';

interface Sent {
  readonly atMs: number;

  readonly taken: () => void;
  readonly end: (end: OfferEnd) => void;
}

describe('RequestOffer', () => {
  let sent: Sent[];
  let refusals: string[];
  let overs: number;
  let random: number;
  let offer: RequestOffer;

  const none: OfferEnd = { verdict: 'none', reason: 'ECONNRESET' };
  const last = (): Sent => sent.at(-1) as Sent;
  const pauses = (): number[] => sent.slice(1).map(({ atMs }, index) => atMs - (sent[index]?.atMs ?? 0));
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    jest.useFakeTimers();
    [sent, refusals, overs, random] = [[], [], 0, 0];
    const sender = {
      send: (_offer: unknown, taken: () => void) => {
        let end: (end: OfferEnd) => void = () => undefined;
        const ended = new Promise<OfferEnd>((resolve) => (end = resolve));
        sent.push({ atMs: Date.now(), taken, end });
        return { ended, abort: () => end(none) };
      },
    };
    const host = {
      sender,
      random: () => random,
      over: () => void (overs += 1),
      refused: (_lane: string, reason: string) => void refusals.push(reason),
      taken: () => undefined,
    };
    const job = {
      lane: 'tts.piper',
      jobClass: 'first',
      sequence: 7,
      requestId: 'r',
      payload: Buffer.of(),
      headers: {},
    };
    offer = new RequestOffer(host, job, 60_000);
    offer.start();
  });
  afterEach(() => jest.useRealTimers());

  it('waits longer with each refusal, up to a second', async () => {
    for (let count = 0; count < 7; count += 1) {
      last().end(none);
      await pass(0);
      await jest.advanceTimersToNextTimerAsync();
    }
    expect(pauses()).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
    expect(refusals).toHaveLength(7);
  });

  it('begins anew with short pauses once a worker has had it, and calls that no refusal', async () => {
    for (let count = 0; count < 4; count += 1) {
      last().end(none);
      await pass(1_000);
    }
    last().taken();
    expect(offer.isTaken).toBe(true);
    last().end(none);
    await pass(0);
    expect(offer.isTaken).toBe(false);
    const before = sent.length;
    await pass(100);
    expect(sent).toHaveLength(before + 1);
    expect(refusals).toHaveLength(4);
  });

  it('heeds the delay of a hand-back', async () => {
    last().taken();
    last().end({ verdict: 'nak', delayMs: 700 });
    await pass(699);
    expect(sent).toHaveLength(1);
    await pass(1);
    expect(sent).toHaveLength(2);
  });

  it('pauses a little when a hand-back asks for nothing, and longer by chance, so that many do not come again at once', async () => {
    last().end({ verdict: 'nak' });
    await pass(19);
    expect(sent).toHaveLength(1);
    await pass(1);
    expect(sent).toHaveLength(2);
    random = 1;
    last().end(none);
    await pass(149);
    expect(sent).toHaveLength(2);
    await pass(1);
    expect(sent).toHaveLength(3);
  });

  it('is over once: at a verdict, when it is withdrawn, or at the end of its life', async () => {
    last().end({ verdict: 'ack' });
    await pass(0);
    offer.withdraw();
    await pass(120_000);
    expect([overs, sent.length]).toEqual([1, 1]);
  });

  it('ends its life in the pause between two requests, too', async () => {
    await pass(59_950);
    last().end(none);
    await pass(10_000);
    expect([overs, sent.length]).toEqual([1, 1]);
  });
});
