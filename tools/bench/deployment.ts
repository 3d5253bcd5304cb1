import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Target } from '../client/tts-client';
import { planStack } from '../stack/plan';
import { PortBook } from '../stack/ports';
import { prepare } from '../stack/prepare';
import { Stack } from '../stack/stack';
import { memoryMb } from './memory';

/** The deployment that is measured: a remote one, or one that was started for the bench. */
export interface Deployment {
  readonly target: Target;
  /** Absent for a remote deployment, whose processes cannot be inspected. */
  readonly inside?: {
    readonly startMs: number;
    readonly gatewayMetrics: string;
    readonly modelsFolder: string;
    /** Memory in megabytes by part. */
    memory(): Record<string, number>;
  };
  stop(): Promise<void>;
}

/** A remote deployment. */
export const deploymentAt = (target: Target): Deployment => ({ target, stop: () => Promise.resolve() });

/** Starts a stack like `npm run up`, on free ports and with its own data folder. */
export async function startDeployment(root: string): Promise<Deployment> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'antiphon-bench-'));
  mkdirSync(join(dataFolder, 'logs'));
  const options = {
    check: false,
    help: false,
    offline: false,
    observe: false,
    workers: 1,
    dataFolder,
    port: await new PortBook().take(16_000),
  };
  const prepared = await prepare(options, root);
  const plan = await planStack({ ...prepared, ...options, root }, new PortBook());
  const stack = new Stack(plan);
  const startedAt = performance.now();
  await stack.start();
  return {
    target: { api: plan.addresses.api, apiKey: prepared.license.apiKey },
    inside: {
      startMs: performance.now() - startedAt,
      gatewayMetrics: plan.addresses.metrics['gateway'] ?? '',
      modelsFolder: prepared.modelsFolder,
      memory: () =>
        Object.fromEntries(Object.entries(stack.pids()).map(([name, pid]) => [name, memoryMb([pid]) ?? NaN])),
    },
    stop: async () => {
      await stack.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
