import { spawnSync } from 'node:child_process';
import { on } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LicenseMode } from '@app/licensing';
import { scrape, sumOf } from '../../tools/client/prometheus';
import type { Target } from '../../tools/client/tts-client';
import type { PartSpec } from '../../tools/stack/part';
import { planStack, type StackPlan } from '../../tools/stack/plan';
import { PortBook } from '../../tools/stack/ports';
import { prepare } from '../../tools/stack/prepare';
import { Stack } from '../../tools/stack/stack';

/** A part that was killed is back sooner, its models loaded. */
const saysWithinMs = 90_000;

const here = join(__dirname, '../..');

/** What a test may choose. */
export interface StackOptions {
  /** The checkout whose `dist` is started; this one unless given. */
  readonly root?: string;
  /** Workers of each kind; 1 unless given. */
  readonly workers?: number;
  readonly workerEnv?: Record<string, string>;
  readonly gatewayEnv?: Record<string, string>;
  /** `KIND=queue` and `KIND=request` in place of what the function graph says. */
  readonly dispatch?: readonly string[];
  /** Where the gateway sends jobs, if not straight to `inference serve`. */
  readonly inferenceUrl?: string;
  /** With the real Prometheus. */
  readonly observe?: boolean;
  /** In connected mode with a licence endpoint of its own; airgapped unless given. */
  readonly licenseMode?: LicenseMode;
  /** Changes what is started. */
  readonly adapt?: (plan: StackPlan) => StackPlan;
}

/** Every process of a deployment, on free loopback ports and a data folder of its own. */
export class RunningStack {
  private constructor(
    private readonly stack: Stack,
    private readonly plan: StackPlan,
    private readonly dataFolder: string,
    readonly target: Target,
    readonly adminKey: string,
  ) {}

  /** Starts from what is built in `dist`; resolves when every part is ready. */
  static async start({ root = here, ...settings }: StackOptions = {}): Promise<RunningStack> {
    const dataFolder = mkdtempSync(join(tmpdir(), 'antiphon-e2e-'));
    mkdirSync(join(dataFolder, 'logs'));
    const ports = new PortBook();
    const options = {
      check: false,
      help: false,
      offline: true,
      observe: settings.observe ?? false,
      port: await ports.take(15_000),
      dataFolder,
      workers: settings.workers ?? 1,
    };
    const prepared = await prepare(options, root);
    const { workerEnv, gatewayEnv, dispatch, inferenceUrl, licenseMode } = settings;
    const planned = await planStack(
      { ...prepared, ...options, root, workerEnv, gatewayEnv, dispatch, inferenceUrl, licenseMode },
      new PortBook(),
    );
    const plan = settings.adapt?.(planned) ?? planned;
    const stack = new Stack(plan);
    await stack.start();
    const { apiKey, adminKey } = prepared.license;
    return new RunningStack(stack, plan, dataFolder, { api: plan.addresses.api, apiKey }, adminKey);
  }

  /** Base URL of its `inference serve`. */
  get inference(): string {
    const { inference } = this.plan.addresses;
    if (inference === undefined) throw new Error('no function of the stack is dispatched by request');
    return inference;
  }

  /** One more `inference serve`; resolves to its name and its base URL when it is ready. */
  async addServe(): Promise<{ name: string; url: string }> {
    const model = this.plan.inference;
    if (!model) throw new Error('no function of the stack is dispatched by request');
    const port = await new PortBook().take(18_500);
    const name = 'inference-extra';
    await this.addCopy(model, name, { PORT: String(port) });
    return { name, url: `http://127.0.0.1:${port}` };
  }

  /** One more worker like the first of its kind; resolves to its name when it is ready. */
  async addWorker(kind: 'tts' | 'stt'): Promise<string> {
    const model = this.plan.workers.find(({ name }) => name.startsWith(kind));
    if (!model) throw new Error(`there is no ${kind} worker to copy`);
    const name = `${kind}-extra`;
    await this.addCopy(model, name, {});
    return name;
  }

  /** Ends a part as an operating system would that has run out of memory; it is started again, as in every stack. */
  kill(name: string): void {
    this.signal(name, 'SIGKILL');
  }

  /** Sends a signal to a part: SIGSTOP holds it, SIGCONT lets it go on. */
  signal(name: string, signal: NodeJS.Signals): void {
    const pid = this.pidOf(name);
    if (pid === undefined) throw new Error(`${name} is not running`);
    process.kill(pid, signal);
  }

  /** Resolves when the stack says a line that begins so, from now on; rejects when it did not within 90 s. */
  async says(beginning: string): Promise<void> {
    const lines = on(this.stack, 'line', { signal: AbortSignal.timeout(saysWithinMs) }) as AsyncIterable<[string]>;
    for await (const [line] of lines) if (line.startsWith(beginning)) return;
  }

  /** Process id of a part; undefined while it is not running. */
  pidOf(name: string): number | undefined {
    return this.stack.pids()[name];
  }

  /** Processes that a part started: the engines of a worker. */
  childrenOf(name: string): number[] {
    const { stdout } = spawnSync('pgrep', ['-P', String(this.pidOf(name))], { encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  /** Base URL of its license app. */
  get license(): string {
    return this.plan.addresses.license;
  }

  /** The licence with which it was started; the key of its issuer lies beside it. */
  get licenseFile(): string {
    return this.plan.license.env['LICENSE_FILE'] ?? '';
  }

  /** URL of its NATS server. */
  get nats(): string {
    return this.plan.addresses.nats;
  }

  /** Base URL of its Prometheus. */
  get prometheus(): string {
    const { prometheus } = this.plan.addresses;
    if (prometheus === undefined) throw new Error('the stack was started without a Prometheus');
    return prometheus;
  }

  /** Sum of a metric of one part over the samples with these labels. */
  async metric(part: string, name: string, labels: Record<string, string> = {}): Promise<number> {
    const url = this.plan.addresses.metrics[part] ?? this.extraMetrics.get(part);
    if (url === undefined) throw new Error(`${part} has no metrics page`);
    return sumOf(await scrape(url), name, labels);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    rmSync(this.dataFolder, { recursive: true, force: true });
  }

  private async addCopy(model: PartSpec, name: string, env: Record<string, string>): Promise<void> {
    const metricsPort = await new PortBook().take(18_000);
    this.extraMetrics.set(name, `http://127.0.0.1:${metricsPort}/metrics`);
    await this.stack.add({
      ...model,
      name,
      env: { ...model.env, METRICS_PORT: String(metricsPort), ...env },
      readyUrl: `http://127.0.0.1:${metricsPort}/readyz`,
      logFile: join(this.dataFolder, 'logs', `${name}.log`),
    });
  }

  private readonly extraMetrics = new Map<string, string>();
}
