import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from './until';

const entry = join(__dirname, '../../dist/apps/license/src/main.js');

/** A response of the license app. */
export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The built license app as a process of its own. */
export class LicenseProcess {
  readonly lines: Record<string, unknown>[] = [];
  private readonly child: ChildProcess;
  private readonly exit: Promise<number | null>;

  constructor(
    readonly port: number,
    env: Record<string, string>,
  ) {
    this.child = spawn(process.execPath, [entry], {
      env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) this.lines.push(JSON.parse(line) as Record<string, unknown>);
    });
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  async ready(): Promise<void> {
    await until(async () => (await this.statusOf('/readyz')) === 200);
  }

  /** The body of `GET /status`. */
  async status(): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.port}/status`);
    return (await response.json()) as Record<string, unknown>;
  }

  async statusOf(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`).catch(() => undefined);
    await response?.arrayBuffer();
    return response?.status ?? 0;
  }

  authorize(key: string, feature = 'tts'): Promise<Answer> {
    return this.post('authorize', { key, feature, requestId: 'req-1' });
  }

  async post(path: string, body: object, adminKey = ''): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': adminKey },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Id of the licence in force. */
  async inForce(): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}/license/forecast`);
    return ((await response.json()) as { now?: { licenseId: string } }).now?.licenseId;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  ended(): Promise<number | null> {
    return this.exit;
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exit;
  }
}
