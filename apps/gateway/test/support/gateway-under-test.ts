import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { register } from 'prom-client';
import { MemoryAppendLog, MemoryBroker, MemoryBus, MemoryLogStore } from '@app/broker';
import { Log, Readiness, Shutdown, Tracing } from '@app/platform';
import { functionGraph, type AuthorizationGranted, type AuthorizationRequest } from '@app/protocol';
import { startGateway, type StartedGateway } from '../../src/gateway-app';
import { GatewayConfig } from '../../src/gateway.config';
import { FakeWorker } from './fake-worker';

export type LicenseAnswer = { status: number; body: object };

/** A license app that answers as the test says. */
class FakeLicense {
  readonly asked: AuthorizationRequest[] = [];
  answer: (request: AuthorizationRequest) => LicenseAnswer | Promise<LicenseAnswer> = ({ key }) =>
    key === 'k' ? granted() : { status: 401, body: { error_code: 'key_unknown' } };
  /** Closes a kept connection in the moment it is used again. */
  dropsKept = false;
  private readonly used = new WeakSet<object>();
  private readonly server: Server = createServer((request, response) => {
    if (this.dropsKept && this.used.has(request.socket)) return void request.socket.destroy();
    this.used.add(request.socket);
    // A probe: it is up, whatever it answers to requests.
    if (request.method === 'GET') return void response.end();
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const asked = JSON.parse(Buffer.concat(pieces).toString()) as AuthorizationRequest;
      this.asked.push(asked);
      void Promise.resolve(this.answer(asked)).then(({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      );
    });
  });

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const granted = (limits: Partial<AuthorizationGranted> = {}): LicenseAnswer => ({
  status: 200,
  body: { keyId: 'key-1', validForMs: 60_000, ...limits },
});

/** A gateway on a bus in memory, with a license app and a worker that a test steers. */
export class GatewayUnderTest {
  readonly bus = new MemoryBus();
  readonly usage = new MemoryLogStore();
  readonly usageFolder = mkdtempSync(join(tmpdir(), 'antiphon-usage-'));
  readonly license = new FakeLicense();
  readonly log: string[] = [];
  worker!: FakeWorker;
  private started!: StartedGateway;
  private shutdown!: Shutdown;
  private exited: Promise<number> | undefined;
  private readonly workers: FakeWorker[] = [];

  static async start(settings: Partial<GatewayConfig> = {}): Promise<GatewayUnderTest> {
    // The registry is one per process.
    register.resetMetrics();
    const gateway = new GatewayUnderTest();
    const config = Object.assign(new GatewayConfig(), { host: '127.0.0.1', port: 0, metricsPort: 0, drainMs: 200 });
    // The bus is in memory: there is no inference service to send jobs to.
    const dispatch = functionGraph.map(({ kind }) => `${kind}=queue`);
    const { usageFolder } = gateway;
    Object.assign(config, { dispatch, usageFolder, licenseProxyUrl: await gateway.license.start() }, settings);
    const log = Log.create('gateway', 'debug', { write: (line: string) => void gateway.log.push(line) });
    gateway.exited = new Promise((resolve) => {
      gateway.shutdown = new Shutdown(log, { on: () => undefined, exit: resolve });
    });
    const context = { config, log, readiness: new Readiness(), tracing: Tracing.off(), shutdown: gateway.shutdown };
    gateway.started = await startGateway(context, new MemoryBroker(gateway.bus), new MemoryAppendLog(gateway.usage));
    gateway.worker = await gateway.addWorker('worker-1');
    return gateway;
  }

  async addWorker(workerId: string, seats?: number): Promise<FakeWorker> {
    const worker = new FakeWorker(new MemoryBroker(this.bus), workerId, seats);
    this.workers.push(worker);
    await worker.start();
    return worker;
  }

  get http(): string {
    return `http://127.0.0.1:${this.started.port}`;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.started.port}`;
  }

  /** A sample of the metrics page; 0 where there is none. */
  async metric(line: string): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${this.started.metricsPort}/metrics`)).text();
    const found = page.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found ? Number(found.slice(line.length + 1)) : 0;
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.http}${path}`, {
      method: 'POST',
      headers: { 'x-api-key': 'k', 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** What SIGTERM does. */
  async drain(): Promise<number> {
    void this.shutdown.begin('test');
    return (await this.exited) ?? 1;
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
    await this.drain();
    await this.license.stop();
    rmSync(this.usageFolder, { recursive: true, force: true });
  }
}
