import { readFile } from 'node:fs/promises';
import type { License } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import type { LicenseConfig } from '../license.config';
import { faultOr, type Fault } from './fault-log';
import { Trust } from './trust';

/** The settings that name the licence files and whom to trust. */
export type LicenseFileSettings = Pick<LicenseConfig, 'licenseFile' | 'licensePublicKeyFile' | 'licenseDeployment'>;

/** Whom the file of trusted keys names, and the text of each licence file, by its path. */
export interface LicenseFiles {
  readonly trust: Trust;
  readonly texts: ReadonlyMap<string, string>;
}

/** Reads and verifies all files at the start. Rejects with a problem that names the file which is missing or not trusted. */
export async function readLicenseFiles(
  settings: LicenseFileSettings,
  nowMs: number,
): Promise<LicenseFiles & { readonly licenses: readonly License[] }> {
  const { licensePublicKeyFile: keyFile, licenseDeployment } = settings;
  const pem = await textOf('LICENSE_PUBLIC_KEY_FILE', keyFile);
  const trust = await naming(keyFile, () => new Trust(pem, licenseDeployment));
  const texts = new Map<string, string>();
  const licenses: License[] = [];
  for (const file of settings.licenseFile) {
    const text = await textOf('LICENSE_FILE', file);
    licenses.push(await naming(file, () => trust.license(text, nowMs)));
    texts.set(file, text);
  }
  return { trust, texts, licenses };
}

/** Reads all files again. One that is unreadable or refused stays what it was, and is named among the faults. */
export async function rereadLicenseFiles(
  settings: LicenseFileSettings,
  before: LicenseFiles,
  nowMs: number,
): Promise<{ readonly files: LicenseFiles; readonly faults: readonly Fault[] }> {
  const faults: Fault[] = [];
  const { licensePublicKeyFile: keyFile, licenseDeployment } = settings;
  const reread = async <T>(
    variable: string,
    source: string,
    present: string | undefined,
    take: (content: string) => T | Promise<T>,
  ): Promise<T | undefined> => {
    const content = await faultOr(faults, { source }, () => textOf(variable, source));
    if (content === undefined || content === present) return undefined;
    return faultOr(faults, { source, content }, () => naming(source, () => take(content)));
  };
  const changed = await reread(
    'LICENSE_PUBLIC_KEY_FILE',
    keyFile,
    before.trust.pem,
    (pem) => new Trust(pem, licenseDeployment),
  );
  const trust = changed ?? before.trust;
  const texts = new Map(before.texts);
  for (const file of settings.licenseFile) {
    await reread('LICENSE_FILE', file, before.texts.get(file), async (text) => {
      await trust.license(text, nowMs);
      texts.set(file, text);
    });
  }
  return { files: { trust, texts }, faults };
}

/** Whether two readings of the files mean the same. */
export const haveSameContent = (one: LicenseFiles, other: LicenseFiles): boolean =>
  one.trust === other.trust && [...one.texts].every(([file, text]) => other.texts.get(file) === text);

/** The fault of files with which service would end at once. */
export function serviceWouldEnd({ trust, texts }: LicenseFiles): Fault {
  const detail =
    'No licence of the changed files that is signed with a trusted key gives service now. ' +
    'They count once one does, or after a restart.';
  const problem = new ProblemError('license_invalid', { detail });
  return {
    source: 'LICENSE_FILE, LICENSE_PUBLIC_KEY_FILE',
    problem,
    content: [trust.pem, ...texts.values()].join('\n'),
  };
}

/** The text of a file without white space around it. Rejects with `config_invalid`, which names the variable and the file. */
export async function textOf(variable: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new ProblemError('config_invalid', { detail: `${variable}: ${file} cannot be read.`, cause: error });
  }
}

/** The result, or a problem whose detail names the file. */
export async function naming<T>(file: string, read: () => T | Promise<T>): Promise<T> {
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
