import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveNatsServer } from '@app/artifacts';
import { KeptConnections } from '@app/broker';
import { AccessTokenIssued, ProblemError, validated, type AuthorizationRequest } from '@app/protocol';
import { ensureDevelopmentLicense } from '../license/development-license';
import { modelsFolder } from '../models';
import { drawProgress } from '../progress';
import { planStack } from '../stack/plan';
import { PortBook } from '../stack/ports';
import { Stack } from '../stack/stack';
import { quantile } from './statistics';

const requestsPerSecond = 2_000;
const warmUpMs = 3_000;
const measuredMs = 10_000;
const tokenSeconds = 3_600;
/** As many as a gateway has. */
const connections = 64;

/** What authorisations by one kind of credential took. */
export interface LicenseResult {
  readonly credential: 'API key' | 'access token';
  readonly perSecond: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Starts NATS and one license app on this machine, and asks it as gateways do. */
export async function benchLicense(root: string): Promise<LicenseResult[]> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'antiphon-bench-'));
  mkdirSync(join(dataFolder, 'logs'));
  const license = await ensureDevelopmentLicense(join(dataFolder, 'license'));
  const models = modelsFolder(root);
  const nats = await resolveNatsServer(models, { offline: false, onProgress: drawProgress(process.stdout) });
  const ports = new PortBook();
  const port = await ports.take(16_000);
  const settings = { root, dataFolder, license, port, workers: 1, modelsFolder: models, natsServer: nats.command };
  const plan = await planStack(settings, new PortBook());
  const stack = new Stack(plan);
  try {
    await stack.add(plan.nats);
    await stack.add(plan.license);
    const api = plan.addresses.license;
    const token = await tokenFrom(api, license.apiKey);
    return [await measure(api, 'API key', license.apiKey), await measure(api, 'access token', token)];
  } finally {
    await stack.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

async function tokenFrom(api: string, key: string): Promise<string> {
  const response = await fetch(`${api}/access-token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key, features: ['tts'], expiresInSeconds: tokenSeconds, requestId: 'bench' }),
  });
  if (!response.ok) throw new ProblemError('internal', { detail: `POST /access-token answered ${response.status}.` });
  return validated(AccessTokenIssued, await response.json()).token;
}

async function measure(api: string, credential: LicenseResult['credential'], key: string): Promise<LicenseResult> {
  const pool = new KeptConnections(`${api}/authorize`, { connections });
  try {
    await load(pool, key, warmUpMs);
    const { durationsMs, failed, tookMs } = await load(pool, key, measuredMs);
    return {
      credential,
      perSecond: (1_000 * (durationsMs.length + failed)) / tookMs,
      failed,
      p50Ms: quantile(durationsMs, 0.5),
      p95Ms: quantile(durationsMs, 0.95),
      p99Ms: quantile(durationsMs, 0.99),
      maxMs: quantile(durationsMs, 1),
    };
  } finally {
    pool.close();
  }
}

/** Sends at a fixed rate, however long answers take, so that a slow answer delays no later request. */
async function load(pool: KeptConnections, key: string, forMs: number) {
  const durationsMs: number[] = [];
  const running = new Set<Promise<void>>();
  let [sent, failed] = [0, 0];
  const ask = async (requestId: string): Promise<void> => {
    const sentAtMs = performance.now();
    if (await isGranted(pool, { key, feature: 'tts', model: 'piper', requestId })) {
      durationsMs.push(performance.now() - sentAtMs);
    } else failed += 1;
  };
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < forMs; elapsedMs = performance.now() - startedAtMs) {
    for (; sent < (elapsedMs * requestsPerSecond) / 1_000; sent += 1) {
      const asked = ask(`bench-${sent}`).finally(() => running.delete(asked));
      running.add(asked);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  return { durationsMs, failed, tookMs: performance.now() - startedAtMs };
}

async function isGranted(pool: KeptConnections, request: AuthorizationRequest): Promise<boolean> {
  try {
    const headers = { 'content-type': 'application/json', 'x-request-id': request.requestId };
    const { statusCode, body } = await pool.post({ headers, body: JSON.stringify(request) });
    await body.json();
    return statusCode === 200;
  } catch {
    return false;
  }
}
