import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryAppendLog, MemoryKeyValue } from '@app/broker';
import { readPublicKeys, verifyLease, type TelemetryReport } from '@app/licensing';
import { Log } from '@app/platform';
import { RecordingEndpoint } from '../../apps/license/test/support/recording-endpoint';
import { FakeLink } from '../../apps/license/test/support/fake-link';
import { VendorClient } from '../../apps/license/src/vendor/vendor-client';
import { Vendor } from '../../apps/license/src/vendor/vendor';
import { until } from '../support/until';

const page = readFileSync(join(__dirname, '../../docs/licensing.md'), 'utf8');
/** A request or an answer of the page: its first line and headers, and its body. */
interface Message {
  readonly head: string;
  readonly body: string;
}
/** The requests and answers of the page, in its order: an answer follows its request. */
const messages = [...page.matchAll(/^```\n((?:POST|HTTP\/1\.1) [\s\S]*?)\n```$/gm)].map(([, text = '']): Message => {
  const [head = '', body = ''] = text.split('\n\n');
  return { head, body };
});
const pathOf = ({ head }: Message): string => head.split(' ')[1] ?? '';
const exchanges = new Map(
  messages.flatMap((message, index) =>
    message.head.startsWith('POST') ? [[pathOf(message), { request: message, answer: messages[index + 1]! }]] : [],
  ),
);
const exchange = (path: string): { request: Message; answer: Message } => exchanges.get(path)!;
const valueOf = <T>(path: string): T => JSON.parse(exchange(path).request.body) as T;

describe('the bytes of connected mode in docs/licensing.md', () => {
  let endpoint: RecordingEndpoint;
  let vendor: Vendor;
  const taken: string[] = [];

  beforeAll(async () => {
    endpoint = await RecordingEndpoint.start(({ path }) => {
      const { head, body } = exchange(path).answer;
      return { status: Number(head.split(' ')[1]), body };
    });
    const checkIn = valueOf<{ license: string; deployment: string; at: string; auditKeyId: string }>('/v1/check-in');
    const report = valueOf<TelemetryReport>('/v1/telemetry');
    const auditLog = new MemoryAppendLog();
    for (const record of valueOf<{ records: string[] }>('/v1/audit').records) {
      await auditLog.append(Buffer.from(record), 'id');
    }
    const keys = readPublicKeys(/-----BEGIN PUBLIC[\s\S]*?-----END PUBLIC KEY-----/.exec(page)?.[0] ?? '');
    vendor = new Vendor({
      client: new VendorClient({ licenseEndpoint: `http://127.0.0.1:${endpoint.port}`, noProxy: [] }),
      deployment: checkIn.deployment,
      licenseText: () => checkIn.license,
      takeLease: async (text) => {
        const { payload } = await verifyLease(text, { keys, deployment: 'prod-1' });
        taken.push(payload.jti);
        return payload;
      },
      lease: () =>
        taken.length > 0 ? { jti: 'taken', license: '', iat: 0, exp: 9_000, checkInSeconds: 900 } : undefined,
      state: () => 'active',
      timeMs: () => Date.parse(checkIn.at),
      rows: (month) => (month === report.month ? report.rows : undefined),
      auditLog,
      store: new MemoryKeyValue(),
      auditKeyId: () => checkIn.auditKeyId,
      log: Log.create('license', 'silent'),
    });
    vendor.start(new FakeLink(() => ({ outcome: 'answered', answer: {} })).metrics);
    await until(() => endpoint.requests.length === 3 && vendor.status().forwardedUpTo === 1);
  });
  afterAll(async () => {
    await vendor.stop();
    await endpoint.stop();
  });

  it.each(['/v1/check-in', '/v1/telemetry', '/v1/audit'])('of %s are what the license app sends', (path) => {
    const sent = endpoint.requests.find((request) => request.path === path);
    const head = sent?.head.replace(`127.0.0.1:${endpoint.port}`, 'license.vendor.example');
    expect({ head, body: sent?.body }).toEqual(exchange(path).request);
  });

  it('have answers that the license app takes', async () => {
    expect(taken).toEqual(['lease-000042']);
    expect(await vendor.acknowledged()).toBe(1);
    expect(vendor.status().lastFailure).toBeUndefined();
  });
});
