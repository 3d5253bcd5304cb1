import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signLicense, verifyLease, type Lease, type License } from '@app/licensing';
import { Log } from '@app/platform';
import { writeIssuerKeys } from '../../tools/license/keys';
import { startEndpoint, type RunningEndpoint } from '../../tools/license/vendor/serve';
import { holderFolder } from '../../tools/license/vendor/vendor-folder';
import { testLicense } from './test-license';

/** Private key of the endpoint's issuer. */
export const issuer = generateKeyPairSync('ed25519').privateKey;
/** What its clock says. */
export const now = '2026-11-29T12:00:00.000Z';
/** A licence of the deployment prod-1. */
export const license = testLicense({
  deployment: 'prod-1',
  iat: 1_790_000_000,
  nbf: 1_790_000_000,
  exp: 1_800_000_000,
});

/** An answer and its JSON; `{}` where there is none. */
export interface EndpointAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A licence endpoint over real sockets with a folder of its own, leases of an hour and a clock that stands still. */
export class TestEndpoint {
  readonly folder = mkdtempSync(join(tmpdir(), 'license-endpoint-'));
  /** Lines of its log and what commands print. */
  readonly lines: string[] = [];
  nowMs = Date.parse(now);
  private running: RunningEndpoint | undefined;

  static async start(): Promise<TestEndpoint> {
    const endpoint = new TestEndpoint();
    const say = (line: unknown): void => void endpoint.lines.push(String(line));
    jest.spyOn(console, 'log').mockImplementation(say);
    jest.spyOn(console, 'error').mockImplementation(say);
    const { folder } = endpoint;
    writeIssuerKeys(issuer, join(folder, 'issuer-private.pem'), join(folder, 'issuer-public.pem'));
    endpoint.running = await endpoint.serve();
    return endpoint;
  }

  get url(): string {
    return this.running?.url ?? '';
  }

  /** Starts one more endpoint on its folder. */
  serve(): Promise<RunningEndpoint> {
    return startEndpoint(
      { folder: this.folder, host: '127.0.0.1', port: 0, leaseSeconds: 3_600, checkInSeconds: 60 },
      {
        log: Log.create('test', 'info', { write: (line) => void this.lines.push(line) }),
        nowMs: () => this.nowMs,
        bodyTimes: { idleMs: 300, totalMs: 900 },
      },
    );
  }

  async restart(meanwhile = (): void => undefined): Promise<void> {
    await this.running?.close();
    this.running = undefined;
    meanwhile();
    this.running = await this.serve();
  }

  async stop(): Promise<void> {
    await this.running?.close();
    jest.restoreAllMocks();
    rmSync(this.folder, { recursive: true });
  }

  /** The fields of every request, with the licence unless `change` has another one. */
  async caller(change: object = {}): Promise<object> {
    return { protocol: 1, license: await signed(), deployment: 'prod-1', at: now, ...change };
  }

  checkInBody(change: object = {}): Promise<object> {
    return this.caller({ version: '0.1.0', state: 'active', ...change });
  }

  /** Posts a value as JSON, or a string as it is. */
  async post(path: string, body: unknown): Promise<EndpointAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  }

  /** Checks in and verifies the lease. */
  async lease(change: object = {}): Promise<Lease> {
    const { body } = await this.post('/v1/check-in', await this.checkInBody(change));
    const acceptance = { keys: [createPublicKey(issuer)], deployment: 'prod-1' };
    return (await verifyLease(String(body.lease), acceptance)).payload;
  }

  /** A file of the deployment prod-1. */
  stored(...path: string[]): string {
    return readFileSync(join(this.folder, 'holders', holderFolder(license.sub), 'prod-1', ...path), 'utf8');
  }

  /** Whether anything of any deployment is stored. */
  hasStored(): boolean {
    return existsSync(join(this.folder, 'holders'));
  }
}

/** The document of the licence, with changed fields or of another issuer. */
export const signed = (change: Partial<License> = {}, key = issuer): Promise<string> =>
  signLicense({ ...license, ...change }, key);
