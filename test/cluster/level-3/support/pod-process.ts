import { setTimeout as delay } from 'node:timers/promises';
import { Daemon } from '../../support/daemon';
import { probeUrl, type Container } from './pod';

/** How the container of a pod is started as a process here. */
export interface ProcessRecipe {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What happened to a pod's process when, in ms of `performance.now()`. */
export interface PodTimes {
  readonly scheduledAtMs: number;
  spawnedAtMs?: number;
  /** Its process answers at all. */
  aliveAtMs?: number;
  /** It takes jobs. */
  readyAtMs?: number;
  /** SIGTERM. */
  stopSignalAtMs?: number;
  /** Its metrics page just before SIGTERM. */
  lastMetrics?: string;
  goneAtMs?: number;
  /** How its process ended, in words. */
  end?: string;
}

const probeMs = 20;
const metricsPath = '/metrics';

/** The one container of a pod as a process of this machine, on an address of its own. */
export class PodProcess {
  readonly times: PodTimes = { scheduledAtMs: performance.now() };
  private daemon: Daemon | undefined;

  constructor(
    readonly name: string,
    readonly address: string,
    private readonly container: Container,
    private readonly recipe: ProcessRecipe,
  ) {}

  /** Starts the process; resolves when its readiness probe succeeds, to false if it ended before. */
  async start(logFolder: string): Promise<boolean> {
    const daemon = Daemon.spawn({ name: this.name, ...this.recipe }, logFolder);
    this.daemon = daemon;
    this.times.spawnedAtMs = performance.now();
    const alive = await this.until(probeUrl(this.container.livenessProbe, this.address), daemon);
    if (alive) this.times.aliveAtMs = performance.now();
    const ready = alive && (await this.until(probeUrl(this.container.readinessProbe, this.address), daemon));
    if (ready) this.times.readyAtMs = performance.now();
    return ready;
  }

  /** Resolves to how the process ended. */
  get ended(): Promise<string> {
    return this.daemon?.ended ?? Promise.resolve('was never started');
  }

  /** As a kubelet ends a pod: SIGTERM, and SIGKILL after the grace period. Resolves when the process is gone. */
  async stop(graceSeconds: number): Promise<void> {
    this.times.lastMetrics = await this.metrics();
    this.times.stopSignalAtMs = performance.now();
    await this.daemon?.stop(graceSeconds * 1_000);
    this.times.goneAtMs = performance.now();
    this.times.end = await this.ended;
  }

  /** Its metrics page, where it answers. */
  metrics(): Promise<string | undefined> {
    const url = new URL(metricsPath, probeUrl(this.container.livenessProbe, this.address));
    return fetch(url, { signal: AbortSignal.timeout(1_000) })
      .then((response) => response.text())
      .catch(() => undefined);
  }

  private async until(url: string, daemon: Daemon): Promise<boolean> {
    while (daemon.running) {
      if (await answers(url)) return true;
      await delay(probeMs);
    }
    return false;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
