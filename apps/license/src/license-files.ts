import { readFile } from 'node:fs/promises';
import { ProblemError } from '@app/protocol';
import {
  readApiKeyRecord,
  readPublicKeys,
  verifyLicense,
  type Acceptance,
  type ApiKeyRecord,
  type License,
} from '@app/licensing';
import type { LicenseConfig } from './license.config';

/** The settings that name the licence files and whom to trust. */
export type LicenseFileSettings = Pick<LicenseConfig, 'licenseFile' | 'licensePublicKeyFile' | 'licenseDeployment'>;

/** What `verifyLicense` checks documents against: the trusted keys, the name of this deployment, and the time. */
export async function readAcceptance(
  { licensePublicKeyFile: file, licenseDeployment: deployment }: LicenseFileSettings,
  nowMs: number,
): Promise<Acceptance> {
  const pem = await textOf('LICENSE_PUBLIC_KEY_FILE', file);
  return { keys: await naming(file, () => readPublicKeys(pem)), nowMs, deployment };
}

/** Reads and verifies licence files. A missing or untrusted file is a problem that names it. */
export async function readLicenses(settings: LicenseFileSettings, nowMs: number): Promise<License[]> {
  const acceptance = await readAcceptance(settings, nowMs);
  return Promise.all(
    settings.licenseFile.map(async (file) => {
      const document = await textOf('LICENSE_FILE', file);
      return naming(file, async () => (await verifyLicense(document, acceptance)).payload);
    }),
  );
}

/** Reads the first API keys. Returns none if no file is given. */
export async function readKeySeeds(file: string | undefined): Promise<ApiKeyRecord[]> {
  if (file === undefined) return [];
  const list = jsonOf('API_KEYS_FILE', file, await textOf('API_KEYS_FILE', file));
  if (!Array.isArray(list)) throw configInvalid(`API_KEYS_FILE: ${file} is not a list`);
  return naming(file, () => list.map((record) => readApiKeyRecord(record)));
}

async function textOf(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw configInvalid(`${variable}: ${file} cannot be read`, error);
  }
}

function jsonOf(variable: string, file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw configInvalid(`${variable}: ${file} is not JSON`, error);
  }
}

async function naming<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code, detail } = ProblemError.from(error);
    throw new ProblemError(code === 'bad_request' ? 'config_invalid' : code, {
      detail: `${file}: ${detail}`,
      cause: error,
    });
  }
}

const configInvalid = (detail: string, cause?: unknown): ProblemError =>
  new ProblemError('config_invalid', { detail: `${detail}.`, cause });
