import type { ApiClient } from './api-client';
import type { Deployment } from './pod';

/** How many replicas a Deployment was told to have from this moment on, in ms of `performance.now()`. */
export interface ScaleStep {
  readonly atMs: number;
  readonly replicas: number;
}

/** Writes down every change of the wanted replicas of the Deployments of a namespace. */
export class ScaleWatch {
  private readonly steps = new Map<string, ScaleStep[]>();
  private readonly waiting = new Set<() => void>();
  private endWatch: (() => void) | undefined;

  constructor(
    private readonly api: ApiClient,
    private readonly namespace: string,
  ) {}

  start(): void {
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments`;
    this.endWatch = this.api.watch<Deployment>(path, ({ object }) => this.take(object));
  }

  stop(): void {
    this.endWatch?.();
  }

  /** What a Deployment was told, the first entry when it was first seen. */
  of(name: string): readonly ScaleStep[] {
    return this.steps.get(name) ?? [];
  }

  /** The most replicas wanted since this moment. */
  mostSince(name: string, atMs: number): number {
    return Math.max(...this.since(name, atMs).map(({ replicas }) => replicas));
  }

  /** Resolves to the first step since this moment, its state then included, that satisfies the condition; rejects at the bound. */
  async until(
    name: string,
    condition: (replicas: number) => boolean,
    { sinceMs, timeoutMs }: { sinceMs: number; timeoutMs: number },
  ): Promise<ScaleStep> {
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      const step = this.since(name, sinceMs).find(({ replicas }) => condition(replicas));
      if (step) return step;
      if (performance.now() >= untilMs) throw new Error(`${name} did not get there: ${JSON.stringify(this.of(name))}`);
      await this.nextChange(untilMs - performance.now());
    }
  }

  /** What was wanted at the moment, and all changes after it. */
  private since(name: string, atMs: number): readonly ScaleStep[] {
    const steps = this.of(name);
    const before = steps.filter((step) => step.atMs <= atMs).at(-1);
    return [...(before ? [{ ...before, atMs }] : []), ...steps.filter((step) => step.atMs > atMs)];
  }

  private take({ metadata, spec }: Deployment): void {
    const steps = this.steps.get(metadata.name) ?? [];
    this.steps.set(metadata.name, steps);
    const replicas = spec.replicas ?? 1;
    if (steps.at(-1)?.replicas === replicas) return;
    steps.push({ atMs: performance.now(), replicas });
    for (const wake of [...this.waiting]) wake();
  }

  private nextChange(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.waiting.add(wake);
    });
  }
}
