import { ProblemError } from '@app/protocol';
import { dataFolderOf } from '../stack/options';
import { readRunFile } from '../stack/run-file';

/** Options of a command that calls a license app. */
export const licenseAppOptions = {
  data: { type: 'string' },
  url: { type: 'string' },
  key: { type: 'string' },
} as const;

/** Lines of a help about them. */
export const licenseAppHelp = `Which license app, and with which admin key:
  --data DIR                  data folder of a stack that npm run up started (default: .antiphon in the repository)
  --url URL                   base URL of another license app, http://127.0.0.1:8080 for example
  --key KEY                   admin key for --url (default: the variable ANTIPHON_ADMIN_KEY)`;

/** Where a license app answers, and with which admin key. */
export interface LicenseAppAddress {
  /** Ends with a slash. */
  readonly url: string;
  readonly key: string;
}

/** The license app that the options name. Throws `bad_request` where there is none, or no key for it. */
export function licenseAppOf(
  values: Readonly<Partial<Record<keyof typeof licenseAppOptions, string | undefined>>>,
  root: string,
): LicenseAppAddress {
  if (values.url !== undefined) {
    const key = values.key ?? process.env['ANTIPHON_ADMIN_KEY'];
    if (!key) throw wrong('--url needs an admin key: give --key KEY or set ANTIPHON_ADMIN_KEY');
    return { url: withSlash(values.url), key };
  }
  const folder = dataFolderOf(values.data, root);
  const stack = readRunFile(folder);
  if (!stack?.license) throw wrong(`Nothing runs on ${folder}: start it with npm run up, or give --url and --key`);
  return { url: withSlash(stack.license), key: values.key ?? stack.adminKey };
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
const wrong = (detail: string): ProblemError => new ProblemError('bad_request', { detail: `${detail}.` });
