import { readApiKeyRecord, type ApiKeyRecord } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { naming, textOf } from '../documents/license-files';

/** Reads the first API keys. Returns none if no file is given. */
export async function readKeySeeds(file: string | undefined): Promise<ApiKeyRecord[]> {
  if (file === undefined) return [];
  const list = jsonOf('API_KEYS_FILE', file, await textOf('API_KEYS_FILE', file));
  if (!Array.isArray(list)) throw configInvalid(`API_KEYS_FILE: ${file} is not a list`);
  return naming(file, () => list.map((record) => readApiKeyRecord(record)));
}

function jsonOf(variable: string, file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw configInvalid(`${variable}: ${file} is not JSON`, error);
  }
}

const configInvalid = (detail: string, cause?: unknown): ProblemError =>
  new ProblemError('config_invalid', { detail: `${detail}.`, cause });
