import { NatsAppendLog } from '@app/broker';
import { logs, usageBytes, type UsageRecord } from '@app/protocol';
import { main } from '../../tools/license';
import { TestNatsServer } from '../support/nats-server';

const record = (index: number): UsageRecord => ({
  id: `job-${index}`,
  at: '2026-11-29T09:30:00.000Z',
  requestId: 'r1',
  keyId: index % 2 === 0 ? 'alice' : 'bob',
  kind: 'tts',
  model: 'piper',
  characters: 10,
  audioSamples: 24_000,
  sampleRateHz: 48_000,
  outcome: 'done',
});

describe('npm run license -- usage with NATS_URL', () => {
  const server = new TestNatsServer();
  const environment = process.env.NATS_URL;

  beforeAll(async () => {
    await server.start();
    process.env.NATS_URL = server.url;
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    if (environment === undefined) delete process.env.NATS_URL;
    else process.env.NATS_URL = environment;
    await server.stop();
  });

  it('totals what the stream of usage records holds, each id once', async () => {
    const log = new NatsAppendLog({ servers: [server.url], name: 'test', ...logs.usage });
    await log.start();
    for (let index = 0; index < 20; index++) await log.append(usageBytes(record(index)), record(index).id);
    // As after the duplicate window of the server: stored again, under another message id.
    await log.append(usageBytes(record(0)), 'late');
    await log.close();
    const said: string[] = [];
    jest.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
    expect(await main(['usage', '--month', '2026-11'], '.')).toBe(0);
    expect(said.join('\n')).toMatch(/alice +tts +10 +100 +5\.000\n2026-11 +bob +tts +10 +100 +5\.000/);
  });
});
