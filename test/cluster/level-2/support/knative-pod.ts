import { join } from 'node:path';
import { Daemon } from '../../support/daemon';
import { binary } from '../../support/binaries';
import type { PodNamespace } from './pod-network';
import type { Container, HttpProbe, RenderedPod } from './rendered-service';

const root = join(__dirname, '../../../..');

/** What a pod is made of here, beside what the charts say. */
export interface PodSettings {
  readonly name: string;
  /** The app of its container, in `dist`. */
  readonly app: string;
  readonly network: PodNamespace;
  readonly logFolder: string;
  /** In place of what the charts set: paths of an image that are elsewhere on this machine. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How the two processes of a pod ended, and how long after the pod was told to stop. */
export interface PodEnd {
  readonly app: string;
  readonly queueProxy: string;
  /** From the deletion of the pod to SIGTERM of the app: the time of its preStop. */
  readonly preStopMs: number;
  readonly appMs: number;
  readonly queueProxyMs: number;
}

const httpPort = 8012;
const statsPort = 9090;
const startTimeoutMs = 60_000;

/** A pod of a Knative revision: our app and the real queue-proxy, both with the environment that Knative gives them. */
export class KnativePod {
  private app!: Daemon;
  private queueProxy!: Daemon;

  constructor(
    private readonly rendered: RenderedPod,
    private readonly settings: PodSettings,
  ) {}

  /** Where requests arrive, as Knative's ingress and activator send them. */
  get url(): string {
    return `http://${this.address}:${httpPort}`;
  }

  /** Where the autoscaler reads. */
  get statsUrl(): string {
    return `http://${this.address}:${statsPort}/metrics`;
  }

  get address(): string {
    return this.settings.network.address;
  }

  /** Starts both processes. */
  start(): void {
    const { app, queueProxy } = this.rendered;
    const { name } = this.settings;
    this.queueProxy = this.spawn(`${name}-queue-proxy`, binary('queue-proxy'), [], this.environmentOf(queueProxy));
    const main = join(root, 'dist/apps', this.settings.app, 'src/main.js');
    const args = ['--enable-source-maps', main, ...(app.args ?? [])];
    const env = { ...this.environmentOf(app), ...this.settings.env };
    this.app = this.spawn(`${name}-app`, process.execPath, args, env);
  }

  /** Resolves when the kubelet would mark the pod ready. */
  async untilReady(timeoutMs = startTimeoutMs): Promise<void> {
    await this.app.until(() => this.probe('startup'), timeoutMs);
    await this.app.until(() => this.probe('readiness'), timeoutMs);
  }

  /** Asks as the kubelet does. */
  async probe(kind: 'startup' | 'readiness' | 'liveness'): Promise<boolean> {
    const { app, queueProxy } = this.rendered;
    const probe = { startup: app.startupProbe, liveness: app.livenessProbe, readiness: queueProxy.readinessProbe }[
      kind
    ];
    if (!probe) throw new Error(`the pod has no ${kind} probe`);
    const status = await this.ask(probe, { 'user-agent': 'kube-probe/1.36' }).catch(() => 0);
    return status >= 200 && status < 400;
  }

  /** As the kubelet ends a pod: SIGTERM to the queue-proxy at once, and to the app when its preStop has been answered. */
  async stop(): Promise<PodEnd> {
    const startedMs = performance.now();
    const sinceMs = (): number => performance.now() - startedMs;
    const timer = setTimeout(() => this.kill(), this.rendered.graceSeconds * 1_000);
    const queueProxyEnd = this.queueProxy.ended.then((how) => ({ how, atMs: sinceMs() }));
    const appEnd = this.app.ended.then((how) => ({ how, atMs: sinceMs() }));
    this.queueProxy.signal('SIGTERM');
    const preStop = this.rendered.app.lifecycle?.preStop;
    if (preStop) await this.ask(preStop).catch(() => undefined);
    const preStopMs = sinceMs();
    this.app.signal('SIGTERM');
    const [queueProxy, app] = await Promise.all([queueProxyEnd, appEnd]);
    clearTimeout(timer);
    return {
      app: app.how,
      queueProxy: queueProxy.how,
      preStopMs,
      appMs: app.atMs,
      queueProxyMs: queueProxy.atMs,
    };
  }

  /** Both at once, as with a node that is lost. */
  kill(): void {
    this.queueProxy.signal('SIGKILL');
    this.app.signal('SIGKILL');
  }

  /** The end of what the app has logged. */
  lastLines(count?: number): string {
    return this.app.lastLines(count);
  }

  private async ask({ httpGet, timeoutSeconds }: HttpProbe, headers: Record<string, string> = {}): Promise<number> {
    const asked = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    const response = await fetch(`http://${this.address}:${httpGet.port}${httpGet.path ?? '/'}`, {
      headers: { ...headers, ...asked },
      signal: timeoutSeconds === undefined ? undefined : AbortSignal.timeout(timeoutSeconds * 1_000),
    });
    await response.body?.cancel();
    return response.status;
  }

  private spawn(name: string, command: string, args: readonly string[], env: Record<string, string>): Daemon {
    const { network, logFolder } = this.settings;
    return Daemon.spawn({ name, ...network.command(command, args), env }, logFolder);
  }

  private environmentOf({ env = [] }: Container): Record<string, string> {
    const fields: Record<string, string> = {
      'metadata.name': this.settings.name,
      'status.podIP': this.address,
      'status.hostIP': this.address,
    };
    return Object.fromEntries(
      env.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? '']),
    );
  }
}
