import { readFile } from 'node:fs/promises';
import { ProblemError } from '@app/protocol';
import { readApiKeyRecord, readPublicKeys, verifyLicense, type ApiKeyRecord, type License } from '@app/licensing';

/** Reads and verifies licence files. A file that is missing or not to be trusted is a problem that names it. */
export async function readLicenses(files: readonly string[], publicKeyFile: string): Promise<License[]> {
  const keys = readPublicKeys(await textOf('LICENSE_PUBLIC_KEY_FILE', publicKeyFile));
  return Promise.all(
    files.map(async (file) => {
      const document = jsonOf('LICENSE_FILE', file, await textOf('LICENSE_FILE', file));
      return naming(file, () => verifyLicense(document, keys));
    }),
  );
}

/** Reads the API keys to begin with; none where no file is given. */
export async function readKeySeeds(file: string | undefined): Promise<ApiKeyRecord[]> {
  if (file === undefined) return [];
  const list = jsonOf('API_KEYS_FILE', file, await textOf('API_KEYS_FILE', file));
  if (!Array.isArray(list)) throw configInvalid(`API_KEYS_FILE: ${file} is not a list`);
  return list.map((record) => naming(file, () => readApiKeyRecord(record)));
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

function naming<T>(file: string, read: () => T): T {
  try {
    return read();
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
