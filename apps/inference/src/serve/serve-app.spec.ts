import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { JobTaker, type DeliveredJob, type SeatedJob } from '@app/broker';
import { listen, Log, PlatformModule, Readiness, Tracing } from '@app/platform';
import { encodeFrame, jobsPath, offerHeaders, offerMediaType, ProblemError } from '@app/protocol';
import { until } from '../../../../test/support/until';
import { createServeApp } from './serve-app';

class TakerModule {}

/** Gives seats when the test says so. */
class ScriptedTaker extends JobTaker {
  readonly delivered: DeliveredJob[] = [];
  handedBack = 0;
  left = 0;
  onDelivered: () => void = () => undefined;
  /** Called for each job; seats it by default. */
  answer: () => Promise<SeatedJob> = () => Promise.resolve({ handBack: () => void (this.handedBack += 1) });

  take(job: DeliveredJob, gone: AbortSignal): Promise<SeatedJob> {
    this.delivered.push(job);
    gone.addEventListener('abort', () => (this.left += 1));
    this.onDelivered();
    return this.answer();
  }
}

const job = encodeFrame({ jobId: 'job', gatewayId: 'gateway' });
const headers = {
  'content-type': offerMediaType,
  'x-request-id': 'request-1',
  [offerHeaders.lane]: 'tts.piper',
  [offerHeaders.jobClass]: 'rest',
  [offerHeaders.sequence]: '42',
};

describe('POST /jobs', () => {
  const taker = new ScriptedTaker();
  const readiness = new Readiness();
  const opened: ClientRequest[] = [];
  let app: NestFastifyApplication;
  let port: number;

  beforeAll(async () => {
    const platform = { log: Log.create('serve', 'silent'), readiness, tracing: Tracing.off() };
    const worker = {
      module: TakerModule,
      imports: [PlatformModule.register(platform)],
      providers: [{ provide: JobTaker, useValue: taker }],
      exports: [JobTaker],
    };
    app = await createServeApp(worker, platform);
    port = await listen(app, { host: '127.0.0.1', port: 0 });
  });
  afterAll(() => {
    // An answer that a failed test left open would keep the app from closing.
    for (const request of opened) request.destroy();
    return app.close();
  });
  beforeEach(() => {
    taker.delivered.length = 0;
    Object.assign(taker, new ScriptedTaker(), { delivered: taker.delivered, answer: seated });
  });

  const seated = (): Promise<SeatedJob> => Promise.resolve({ handBack: () => void (taker.handedBack += 1) });
  const url = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const post = (body: Uint8Array = job, more: object = {}): Promise<Response> =>
    fetch(url(jobsPath), { method: 'POST', headers: { ...headers, ...more }, body: new Uint8Array(body) });
  /** A request whose answer is read as it comes. */
  const open = async (): Promise<{
    sent: ClientRequest;
    answer: Promise<IncomingMessage>;
    delivered: DeliveredJob;
  }> => {
    const delivered = new Promise<void>((resolve) => (taker.onDelivered = resolve));
    const sent = httpRequest(url(jobsPath), { method: 'POST', headers });
    sent.on('error', () => undefined);
    opened.push(sent);
    const answer = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
    sent.end(job);
    await delivered;
    return { sent, answer, delivered: taker.delivered[0] as DeliveredJob };
  };

  it('brings the job as it is, begins its answer with the seat and ends it with the verdict', async () => {
    const { answer, delivered } = await open();
    const response = await answer;
    expect(response.statusCode).toBe(200);
    expect(response.headers['x-request-id']).toBe('request-1');
    expect(delivered).toMatchObject({ lane: { kind: 'tts', model: 'piper' }, jobClass: 'rest' });
    expect(delivered.delivery).toMatchObject({ sequence: 42 });
    expect(Buffer.from(delivered.delivery.payload).equals(Buffer.from(job))).toBe(true);
    delivered.delivery.working();
    delivered.delivery.ack();
    delivered.delivery.leave?.();
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    expect(JSON.parse(Buffer.concat(pieces).toString())).toEqual({ verdict: 'ack' });
    expect(taker.handedBack).toBe(0);
  });

  it('passes a hand-back on with its delay, and one without a verdict as a hand-back', async () => {
    const first = await open();
    first.delivered.delivery.nak(250);
    expect(await textOf(await first.answer)).toEqual({ verdict: 'nak', delayMs: 250 });
    taker.delivered.length = 0;
    const second = await open();
    second.delivered.delivery.leave?.();
    expect(await textOf(await second.answer)).toEqual({ verdict: 'nak', delayMs: 0 });
  });

  it('hands the job back when nobody waits for the verdict any more', async () => {
    const { sent, answer } = await open();
    await answer;
    sent.destroy();
    await until(() => taker.handedBack === 1);
  });

  it('does not begin its answer before the job has a seat, and gives up the wait of one who leaves', async () => {
    let seat: (job: SeatedJob) => void = () => undefined;
    taker.answer = () => new Promise((resolve) => (seat = resolve));
    const { sent, answer } = await open();
    let hasBegun = false;
    void answer.then(() => (hasBegun = true));
    // Those who ask later are answered, so an answer that had begun would have come.
    for (let count = 0; count < 3; count += 1) await (await fetch(url('/healthz'))).text();
    expect(hasBegun).toBe(false);
    sent.destroy();
    await until(() => taker.left === 1);
    seat({ handBack: () => void (taker.handedBack += 1) });
    await until(() => taker.handedBack === 1);
  });

  it('answers a refusal as a problem', async () => {
    taker.answer = () => Promise.reject(new ProblemError('draining', { retryAfterSeconds: 1 }));
    const response = await post();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ error_code: 'draining', request_id: 'request-1' });
  });

  it.each([
    ['a lane that is none', { [offerHeaders.lane]: 'piper' }],
    ['a sequence that is none', { [offerHeaders.sequence]: 'here' }],
    ['another media type', { 'content-type': 'application/json' }],
  ])('refuses %s', async (_, more) => {
    const response = await post(job, more);
    expect([400, 415]).toContain(response.status);
    expect(taker.delivered).toHaveLength(0);
  });

  it('refuses a job that would be too large for the bus', async () => {
    expect((await post(new Uint8Array(1024 * 1024 + 1))).status).toBe(413);
  });

  it('says on the same port whether it is alive and ready, and shows no metrics there', async () => {
    readiness.add('engines warm', () => false);
    expect((await fetch(url('/healthz'))).status).toBe(200);
    expect((await fetch(url('/readyz'))).status).toBe(503);
    expect((await fetch(url('/metrics'))).status).toBe(404);
  });
});

async function textOf(response: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const piece of response) text += String(piece);
  return JSON.parse(text);
}
