import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeOwnFile } from '../own-file';
import type { LicenseEndpointAddress } from './license-endpoint';

/** What `run.json` in the data folder tells of a running stack; readable by its owner alone, since it holds keys. */
export interface RunFile {
  readonly ready: boolean;
  /** Base URL of the gateway. */
  readonly api: string;
  readonly apiKey: string;
  /** For the API of the license app. */
  readonly adminKey: string;
  /** Base URL of the license app. */
  readonly license: string;
  readonly nats: string;
  readonly natsMonitoring: string;
  /** The licence endpoint of connected mode. */
  readonly licenseEndpoint?: LicenseEndpointAddress;
  /** Base URL of the Prometheus that watches it. */
  readonly prometheus?: string;
  /** Prometheus pages by part. */
  readonly metrics: Readonly<Record<string, string>>;
  /** Process ids by part; `launcher` is the one to signal. */
  readonly pids: Readonly<Record<string, number>>;
}

const pathOf = (dataFolder: string): string => join(dataFolder, 'run.json');

/** Replaces the file in one step. */
export const writeRunFile = (dataFolder: string, run: RunFile): void =>
  writeOwnFile(pathOf(dataFolder), `${JSON.stringify(run, null, 2)}\n`);

/** The file of a stack that runs or was left behind; undefined when there is none. */
export function readRunFile(dataFolder: string): RunFile | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(dataFolder), 'utf8')) as RunFile;
  } catch {
    return undefined;
  }
}

/** Forgets the stack of this data folder. */
export const removeRunFile = (dataFolder: string): void => rmSync(pathOf(dataFolder), { force: true });
