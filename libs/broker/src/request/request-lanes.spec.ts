import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeFrame, encodeFrame, offerHeaders, type OfferVerdict } from '@app/protocol';
import { until } from '../../../../test/support/until';
import { backlogBound } from '../lane-limits';
import { sttLane, ttsLane } from '../testing/jobs';
import { RequestLanes } from './request-lanes';

const minuteMs = 60_000;
const job = encodeFrame({ jobId: 'job', gatewayId: 'gateway', requestId: 'request-1' }, Buffer.from('body'));

/** What the service was asked, with the means to answer. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

describe('RequestLanes', () => {
  let server: Server;
  let lanes: RequestLanes;
  let asked: Asked[];
  let logged: [string, object][];

  const at = async (count: number): Promise<Asked> => {
    await until(() => asked.length >= count, { everyMs: 1 });
    return asked[count - 1] as Asked;
  };
  const offer = (ttlMs = minuteMs): Promise<number> => lanes.publishJob(ttsLane, 'first', job, ttlMs);
  const gone = (sequence: number) => until(async () => !(await lanes.hasJob(ttsLane, sequence)));
  const begin = ({ response }: Asked): void => {
    response.writeHead(200);
    response.flushHeaders();
  };
  const say = ({ response }: Asked, verdict: OfferVerdict): void => void response.end(JSON.stringify(verdict));

  beforeEach(async () => {
    [asked, logged] = [[], []];
    server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        asked.push({ request, response, body: Buffer.concat(pieces) });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    lanes = new RequestLanes({ url, random: () => 0, log: { error: (...line) => void logged.push(line) } });
  });
  afterEach(async () => {
    lanes.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('posts the frame as it is, with its lane, class and sequence, and keeps the job until the verdict', async () => {
    const sequence = await offer();
    const { request, body } = await at(1);
    expect([request.method, request.url]).toEqual(['POST', '/jobs']);
    expect(request.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-request-id': 'request-1',
      [offerHeaders.lane]: 'tts.piper',
      [offerHeaders.jobClass]: 'first',
      [offerHeaders.sequence]: String(sequence),
    });
    expect(body.equals(Buffer.from(job))).toBe(true);
    expect(decodeFrame(body).body.toString()).toBe('body');
    expect(await lanes.hasJob(ttsLane, sequence)).toBe(true);
    begin(await at(1));
    say(await at(1), { verdict: 'ack' });
    await gone(sequence);
  });

  it('counts a job as waiting until it has a seat, then as running', async () => {
    const sequence = await offer();
    await at(1);
    expect(await lanes.load(ttsLane)).toEqual({ waiting: 1, running: 0 });
    begin(await at(1));
    await until(async () => (await lanes.load(ttsLane)).running === 1);
    expect(await lanes.load(ttsLane)).toEqual({ waiting: 0, running: 1 });
    expect(await lanes.load(sttLane)).toEqual({ waiting: 0, running: 0 });
    say(await at(1), { verdict: 'term' });
    await gone(sequence);
    expect(await lanes.load(ttsLane)).toEqual({ waiting: 0, running: 0 });
  });

  it('never gives a sequence out twice', async () => {
    const sequences = [await offer(), await offer(), await offer()];
    expect(new Set(sequences).size).toBe(3);
  });

  it.each([
    ['a hand-back', (each: Asked) => (begin(each), say(each, { verdict: 'nak', delayMs: 1 }))],
    ['a broken connection before an answer', ({ response }: Asked) => void response.destroy()],
    ['a broken connection while it runs', (each: Asked) => (begin(each), void each.response.destroy())],
    ['a refusal', ({ response }: Asked) => void response.writeHead(503).end('busy')],
    ['a proxy whose time was over', ({ response }: Asked) => void response.writeHead(200).end('\nrequest timeout')],
    ['a redirect', ({ response }: Asked) => void response.writeHead(307, { location: '/elsewhere' }).end()],
  ])('offers it again with the same sequence after %s', async (_, end) => {
    const sequence = await offer();
    end(await at(1));
    const again = await at(2);
    expect(again.request.url).toBe('/jobs');
    expect(again.request.headers).toMatchObject({ [offerHeaders.sequence]: String(sequence) });
    expect(await lanes.hasJob(ttsLane, sequence)).toBe(true);
    say(again, { verdict: 'ack' });
    await gone(sequence);
    expect(asked).toHaveLength(2);
  });

  it('waits for a service that is not there', async () => {
    const address = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const sequence = await offer();
    await until(() => logged.length > 0);
    server.listen(address.port, '127.0.0.1');
    say(await at(1), { verdict: 'ack' });
    await gone(sequence);
    expect(logged).toEqual([[expect.any(String), { lane: 'tts.piper', reason: 'ECONNREFUSED' }]]);
  });

  it('says that jobs are refused once, and again after one was taken', async () => {
    const sequence = await offer();
    const refuse = ({ response }: Asked) => void response.writeHead(503).end('busy');
    refuse(await at(1));
    refuse(await at(2));
    begin(await at(3));
    say(await at(3), { verdict: 'nak' });
    refuse(await at(4));
    say(await at(5), { verdict: 'ack' });
    await gone(sequence);
    expect(logged).toEqual(Array(2).fill([expect.any(String), { lane: 'tts.piper', reason: 'status 503' }]));
  });

  it('sends a job again at once when a kept connection was closed just then, and calls that no refusal', async () => {
    const first = await offer();
    say(await at(1), { verdict: 'ack' });
    await gone(first);
    const sequence = await offer();
    const { request } = await at(2);
    expect(request.socket).toBe((await at(1)).request.socket);
    request.socket.destroy();
    const again = await at(3);
    say(again, { verdict: 'ack' });
    await gone(sequence);
    expect(logged).toEqual([]);
  });

  it('takes blank lines before the verdict for what they are', async () => {
    const sequence = await offer();
    const each = await at(1);
    begin(each);
    each.response.write('\n\n');
    say(each, { verdict: 'ack' });
    await gone(sequence);
    expect(asked).toHaveLength(1);
  });

  it('ends the request of a job that is withdrawn, and never offers it again', async () => {
    const sequence = await offer();
    const { response } = await at(1);
    expect(await lanes.deleteJob(ttsLane, sequence)).toBe(true);
    await until(() => response.destroyed);
    expect(await lanes.deleteJob(ttsLane, sequence)).toBe(false);
    expect(await lanes.load(ttsLane)).toEqual({ waiting: 0, running: 0 });
    const next = await offer();
    expect((await at(2)).request.headers[offerHeaders.sequence]).toBe(String(next));
  });

  it('withdraws a job at the end of its life, whoever holds it', async () => {
    const sequence = await offer(50);
    const { response } = await at(1);
    begin(await at(1));
    await until(() => response.destroyed);
    expect(await lanes.hasJob(ttsLane, sequence)).toBe(false);
  });

  it('refuses more jobs than could ever run', async () => {
    lanes = new RequestLanes({ url: 'http://127.0.0.1:1' });
    const publish = () => lanes.publishJob(ttsLane, 'first', job, minuteMs);
    for (let count = 0; count < backlogBound(ttsLane); count += 1) await publish();
    await expect(publish()).rejects.toMatchObject({ code: 'worker_unavailable' });
    await lanes.publishJob(sttLane, 'open', job, minuteMs);
  });

  it('refuses more bytes than it may keep, until some of them are over', async () => {
    lanes = new RequestLanes({ url: 'http://127.0.0.1:1' });
    const large = Buffer.concat([job, Buffer.alloc(64 * 1024 * 1024)]);
    const publish = () => lanes.publishJob(ttsLane, 'first', large, minuteMs);
    const sequence = await publish();
    await publish();
    await publish();
    await expect(publish()).rejects.toMatchObject({ code: 'worker_unavailable' });
    await lanes.deleteJob(ttsLane, sequence);
    await publish();
  });
});
