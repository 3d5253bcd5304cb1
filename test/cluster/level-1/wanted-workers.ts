import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binaries, toYaml } from './checkers';
import type { Manifest } from './rendered';

/** What KEDA reads of one trigger: the lag of a consumer, or why it cannot be read. */
export interface TriggerReading {
  readonly name: string;
  readonly value: number;
  readonly active: boolean;
  readonly error?: string;
}

/** One look of KEDA at a ScaledObject. */
export interface Reading {
  readonly triggers: readonly TriggerReading[];
  /** What the autoscaler is given: of a trigger, or of the formula over all of them. */
  readonly metrics: readonly { readonly value: number; readonly target: number; readonly error?: string }[];
  /** Whether KEDA would leave zero. */
  readonly active: boolean;
  /** Workers that follow; null while a metric cannot be read, when the number stays as it is. */
  readonly wanted: number | null;
}

/** How to look. */
export interface Look {
  readonly scaledObject: string;
  /** HOST:PORT in place of the endpoint that the triggers name; absent to ask that one. */
  readonly endpoint?: string;
  /** Workers that there are. */
  readonly replicas?: number;
  /** Looks one after the other. */
  readonly reads?: number;
  /** Around the program: a command line that it becomes the end of. */
  readonly within?: readonly string[];
}

/** Lets KEDA's own scalers read the triggers of a rendered ScaledObject. */
export async function readTriggers(manifests: readonly Manifest[], look: Look): Promise<Reading[]> {
  const { scaledObject, endpoint, replicas = 0, reads = 1, within = [] } = look;
  const scaled = manifests.filter(({ kind }) => ['ScaledObject', 'Deployment'].includes(kind));
  const args = ['-name', scaledObject, '-replicas', String(replicas), '-reads', String(reads)];
  const where = endpoint === undefined ? [] : ['-endpoint', endpoint];
  const [command = '', ...rest] = [...within, join(binaries(), 'keda-scaler'), ...args, ...where, '-'];
  const asked = promisify(execFile)(command, rest);
  asked.child.stdin?.end(toYaml(scaled));
  return JSON.parse((await asked).stdout) as Reading[];
}

/** The same once. */
export async function readOnce(manifests: readonly Manifest[], look: Look): Promise<Reading> {
  const [reading] = await readTriggers(manifests, look);
  if (!reading) throw new Error('KEDA read nothing');
  return reading;
}
