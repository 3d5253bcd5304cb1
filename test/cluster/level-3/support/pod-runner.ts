import { setTimeout as delay } from 'node:timers/promises';
import { PodAddresses } from './addresses';
import { ApiError, type ApiClient, type WatchEvent } from './api-client';
import { podPath, runningStatus, type Container, type Pod } from './pod';
import { PodProcess, type ProcessRecipe } from './pod-process';

/** Which pods are run as processes, and how. */
export interface PodRunnerSettings {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly logFolder: string;
  /** The process for the container of a pod, with an address for it alone. */
  readonly recipe: (pod: Pod, container: Container, address: string) => ProcessRecipe;
  /** The address that other parts know a pod by; the others get what is free. */
  readonly knownAddress: (podName: string) => string | undefined;
}

/** Kubernetes' own, where a deletion does not say. */
const defaultGraceSeconds = 30;
const restartAfterMs = 1_000;

/**
 * The part of a kubelet that runs pods, with processes instead of containers: started when a pod is scheduled, reported
 * ready when its readiness probe succeeds, started again when it dies, told SIGTERM when the pod is deleted.
 */
export class PodRunner {
  /** Every pod that was ever run, in the order of their starts. */
  readonly pods: PodProcess[] = [];
  /** What went wrong inside, for the test to fail on. */
  readonly failures: unknown[] = [];
  // By the uid of the pod: a StatefulSet gives a name again.
  private readonly running = new Map<string, PodProcess>();
  private readonly ending = new Map<string, Promise<void>>();
  private readonly addresses = new PodAddresses();
  private endWatch: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly api: ApiClient,
    private readonly settings: PodRunnerSettings,
  ) {}

  start(): void {
    const { namespace, labelSelector } = this.settings;
    const query = new URLSearchParams({ labelSelector });
    this.endWatch = this.api.watch<Pod>(`/api/v1/namespaces/${namespace}/pods?${query.toString()}`, (event) =>
      this.take(event),
    );
  }

  /** Ends every process at once. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.endWatch?.();
    await Promise.all([...this.running.values()].map((pod) => pod.stop(0)));
    await Promise.all(this.ending.values());
  }

  private take({ type, object: pod }: WatchEvent<Pod>): void {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = defaultGraceSeconds } = pod.metadata;
    const process = this.running.get(uid);
    const isOver = type === 'DELETED' || deletionTimestamp !== undefined;
    if (!process && !isOver && pod.spec.nodeName) this.during(this.run(pod));
    if (process && isOver && !this.ending.has(uid)) {
      const end = this.end(pod, process, type === 'DELETED' ? 0 : deletionGracePeriodSeconds);
      this.ending.set(uid, end);
      this.during(end);
    }
  }

  private async run(pod: Pod): Promise<void> {
    const { name, uid } = pod.metadata;
    const [container] = pod.spec.containers;
    if (!container) throw new Error(`${name} has no container`);
    const address = this.settings.knownAddress(name) ?? this.addresses.take();
    const process = new PodProcess(name, address, container, this.settings.recipe(pod, container, address));
    this.running.set(uid, process);
    this.pods.push(process);
    for (let restarts = 0; !this.isOver(uid); restarts += 1) {
      await this.report(pod, address, false, restarts);
      if (this.isOver(uid)) return;
      const wasReady = await process.start(this.settings.logFolder);
      if (wasReady) await this.report(pod, address, true, restarts);
      const how = await process.ended;
      if (this.isOver(uid)) return;
      // Before it was ready it may have waited in vain for a part that was not there yet.
      if (wasReady) this.failures.push(new Error(`${name} ${how} and was started again`));
      await delay(restartAfterMs);
    }
  }

  private async end(pod: Pod, process: PodProcess, graceSeconds: number): Promise<void> {
    await process.stop(graceSeconds);
    this.running.delete(pod.metadata.uid);
    if (!this.settings.knownAddress(process.name)) this.addresses.giveBack(process.address);
    await this.api.delete(podPath(pod), 0).catch(ignoreAbsent);
  }

  private async report(pod: Pod, address: string, ready: boolean, restarts: number): Promise<void> {
    const status = runningStatus(pod, address, ready, restarts);
    await this.api.patch(`${podPath(pod)}/status`, { status }, 'strategic-merge-patch').catch(ignoreAbsent);
  }

  private isOver(uid: string): boolean {
    return this.stopped || !this.running.has(uid) || this.ending.has(uid);
  }

  private during(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.stopped) this.failures.push(error);
    });
  }
}

/** The pod may be gone by now. */
function ignoreAbsent(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}
