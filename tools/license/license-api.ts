import { ProblemError } from '@app/protocol';
import { dataFolderOf } from '../stack/options';
import { readRunFile } from '../stack/run-file';

/** Options of every command that calls a license app with an admin key. */
export const licenseAppOptions = {
  data: { type: 'string' },
  url: { type: 'string' },
  key: { type: 'string' },
} as const;

/** The part of a help text that describes them. */
export const licenseAppHelp = `Which license app, and with which admin key:
  --data DIR                  data folder of a stack that npm run up started (default: .antiphon in the repository)
  --url URL                   base URL of another license app, http://127.0.0.1:8080 for example
  --key KEY                   admin key for --url (default: the variable ANTIPHON_ADMIN_KEY)`;

type Options = { readonly [option in keyof typeof licenseAppOptions]?: string | undefined };

/** Calls a path of the license app with the admin key and resolves to its answer. A refusal is an error with the app's own message. */
export type Call = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>;

/** A `Call` to the license app that the options name. Throws `bad_request` if they name none, or no admin key. */
export function caller(values: Options, root: string): Call {
  const { url, key } = licenseAppOf(values, root);
  return async (method, path, body) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw await refusal(response);
    return response.json().catch(() => undefined);
  };
}

/** An answer other than 2xx as an error with the license app's own message. */
export async function refusal(response: Response): Promise<Error> {
  const answer = (await response.json().catch(() => undefined)) as
    { error_code?: string; message?: string } | undefined;
  const { error_code: code = '', message = 'no license app answers here' } = answer ?? {};
  return new Error(`${response.status} ${code}: ${message}`);
}

/** Where a license app answers, and with which admin key. */
export interface LicenseAppAddress {
  /** Ends with a slash. */
  readonly url: string;
  readonly key: string;
}

/** The license app that the options name. Throws `bad_request` if they name none, or no admin key. */
export function licenseAppOf(values: Options, root: string): LicenseAppAddress {
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
/** `bad_request` with a sentence, given without its full stop. */
export const wrong = (detail: string): ProblemError => new ProblemError('bad_request', { detail: `${detail}.` });
