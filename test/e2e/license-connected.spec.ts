import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsAppendLog } from '@app/broker';
import { auditRecord, readPublicKeys, signLease, verifyLicense } from '@app/licensing';
import { logs } from '@app/protocol';
import {
  RecordingEndpoint,
  type RecordedRequest,
  type Reply,
} from '../../apps/license/test/support/recording-endpoint';
import {
  developmentFiles,
  ensureDevelopmentLicense,
  type DevelopmentLicense,
} from '../../tools/license/development-license';
import { PortBook } from '../../tools/stack/ports';
import { LicenseProcess } from '../support/license-process';
import { TestNatsServer } from '../support/nats-server';
import { until } from '../support/until';

const longMs = 30_000;
const records = (request: RecordedRequest): string[] => (JSON.parse(request.body) as { records: string[] }).records;

/** Acknowledges every record that was sent. */
function acknowledgement(request: RecordedRequest): Reply {
  const { seq } = JSON.parse(records(request).at(-1) ?? '') as { seq: number };
  return { status: 200, body: JSON.stringify({ acknowledged: seq }) };
}

describe('the license app in connected mode', () => {
  const nats = new TestNatsServer();
  const processes: LicenseProcess[] = [];
  let endpoint: RecordingEndpoint;
  let reply: Reply;
  let folder: string;
  let license: DevelopmentLicense;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-connected-'));
    license = await ensureDevelopmentLicense(folder);
    await nats.start();
    endpoint = await RecordingEndpoint.start((request) =>
      request.path === '/v1/audit' ? acknowledgement(request) : reply,
    );
  }, longMs);
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((running) => running.stop()));
    await endpoint.stop();
    await nats.stop();
    rmSync(folder, { recursive: true });
  }, longMs);

  const launch = async (licenseEndpoint = `http://127.0.0.1:${endpoint.port}`): Promise<LicenseProcess> => {
    const started = new LicenseProcess(await new PortBook().take(18_700), {
      NATS_URL: nats.url,
      LICENSE_MODE: 'connected',
      LICENSE_ENDPOINT: licenseEndpoint,
      LICENSE_FILE: license.licenseFile,
      LICENSE_PUBLIC_KEY_FILE: license.publicKeyFile,
      API_KEYS_FILE: license.keysFile,
    });
    processes.push(started);
    await started.ready();
    return started;
  };
  const vendorOf = async (app: LicenseProcess): Promise<Record<string, unknown>> =>
    (await app.status())['vendor'] as Record<string, unknown>;

  /** A lease for the licence of the folder, which begins now. */
  const leaseReply = async (): Promise<Reply> => {
    const keys = readPublicKeys(readFileSync(license.publicKeyFile, 'utf8'));
    const nowMs = Date.now();
    const { payload } = await verifyLicense(readFileSync(license.licenseFile, 'utf8'), { keys, nowMs });
    const issuer = createPrivateKey(readFileSync(join(folder, developmentFiles.issuerKey)));
    const iat = Math.floor(nowMs / 1_000);
    const lease = { jti: 'lease-1', license: payload.jti, iat, exp: iat + 3_600, checkInSeconds: 600 };
    return { status: 200, body: JSON.stringify({ lease: await signLease(lease, issuer) }) };
  };

  it(
    'checks in at start and is active until the end of the lease',
    async () => {
      reply = await leaseReply();
      const app = await launch();
      await until(async () => (await vendorOf(app))['lastContact'] !== undefined);
      const { service } = await app.status();
      expect(service).toMatchObject({ state: 'active' });
      expect(endpoint.requests.filter(({ path }) => path === '/v1/check-in')).toHaveLength(1);
      expect(await app.stop()).toBe(0);
    },
    longMs,
  );

  it(
    'forwards the audit log of JetStream in order, and after a restart only what is new',
    async () => {
      reply = await leaseReply();
      const log = new NatsAppendLog({ servers: [nats.url], name: 'test', ...logs.audit });
      await log.start();
      const written = async (): Promise<string[]> => {
        const texts: string[] = [];
        for await (const { payload } of log.read(1)) texts.push(Buffer.from(payload).toString('utf8'));
        return texts;
      };
      // Too large for one request together.
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        const event = { at: new Date().toISOString(), type: 'test', facts: { text: id.repeat(900_000) } };
        await log.chain(id, (last) => auditRecord(last?.payload, event));
      }
      const sent = (): string[] => endpoint.requests.filter(({ path }) => path === '/v1/audit').flatMap(records);
      const app = await launch();
      await until(async () => sent().length > 5 && sent().length === (await written()).length);
      expect(await app.stop()).toBe(0);
      const before = (await written()).length;
      const restarted = await launch();
      await until(async () => sent().length > before && sent().length === (await written()).length);
      expect(sent()).toEqual(await written());
      expect((await vendorOf(restarted))['forwardedUpTo']).toBe(sent().length);
      await log.close();
    },
    longMs,
  );

  it(
    'is ready and admits requests while the endpoint is down, and says why there is no contact',
    async () => {
      const app = await launch('http://127.0.0.1:1');
      expect((await app.authorize(license.apiKey)).status).toBe(200);
      await until(async () => (await vendorOf(app))['lastFailure'] !== undefined);
      expect(await app.status()).toMatchObject({
        service: { state: 'grace', why: 'lost_contact' },
        vendor: { lastFailure: { why: 'connection: ECONNREFUSED' } },
      });
    },
    longMs,
  );

  it(
    'is ready, admits requests and stops while the endpoint accepts a check-in and never answers',
    async () => {
      reply = 'hang';
      const app = await launch();
      await until(() => endpoint.requests.length > 0);
      const answers = await Promise.all(Array.from({ length: 100 }, () => app.authorize(license.apiKey)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect((await vendorOf(app))['lastFailure']).toBeUndefined();
      expect(await app.stop()).toBe(0);
    },
    longMs,
  );
});
