import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '@app/platform';
import { startEndpoint, type RunningEndpoint } from '../../tools/license/vendor/serve';
import { problems } from '@app/protocol';

const read = (name: string): string => readFileSync(join(__dirname, '../../docs', name), 'utf8');
const page = read('licensing-endpoint.md');
const privatePem = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(read('licensing.md'))?.[0] ?? '';
const messages = [...page.matchAll(/^```http\n([\s\S]*?)\n```$/gm)].map(([, text = '']) => onWire(text));
const exchanges = messages.flatMap((request, index) => (index % 2 === 0 ? [[request, messages[index + 1]!]] : []));

let folder: string;
let endpoint: RunningEndpoint;

/** Head and body of an example as they are sent. */
function onWire(example: string): string {
  const [head = '', body = ''] = example.split('\n\n');
  return `${head.replaceAll('\n', '\r\n')}\r\n\r\n${body}`;
}

/** What the endpoint sends until it closes the connection. */
const answerTo = (request: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(endpoint.url).port), '127.0.0.1', () => socket.write(request));
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'licensing-endpoint-'));
  writeFileSync(join(folder, 'issuer-private.pem'), privatePem);
  endpoint = await startEndpoint(
    { folder, host: '127.0.0.1', port: 0, leaseSeconds: 72 * 3_600, checkInSeconds: 21_600 },
    {
      log: Log.create('test', 'silent'),
      nowMs: () => Date.parse('2026-05-01T00:00:00Z'),
      leaseId: () => 'lease-000042',
    },
  );
});
afterAll(async () => {
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

describe('docs/licensing-endpoint.md', () => {
  it('has requests and answers in turns', () => {
    expect(exchanges.length).toBeGreaterThan(5);
    for (const [request, answer] of exchanges) {
      expect(request).toMatch(/^POST \/v1\/[a-z-]+ HTTP\/1\.1\r\n/);
      expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /);
    }
  });

  it('shows what the endpoint answers, byte by byte', async () => {
    for (const [request, answer] of exchanges) expect(await answerTo(request!)).toBe(answer);
  });

  it('has the lease of docs/licensing.md', () => {
    const { lease } = JSON.parse(exchanges[0]![1]!.split('\r\n\r\n')[1]!) as { lease: string };
    expect(read('licensing.md')).toContain(`\n${lease}\n`);
  });

  it('gives errors the status that they have', () => {
    const rows = [...page.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) +\| (\d{3}) +\|/gm)];
    const documented = rows.flatMap(([, codes = '', status]) =>
      [...codes.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => [code, Number(status)]),
    );
    expect(documented.length).toBeGreaterThan(8);
    const known = documented.map(([code]) => [code, problems[code as keyof typeof problems].status]);
    expect(documented).toEqual(known);
  });
});
