import { isIP } from 'node:net';
import { ValidateBy, type ValidationArguments } from 'class-validator';
import type { LicenseMode } from '@app/licensing';

/** What is wrong with the setting of the licence endpoint, as the end of a sentence about it; undefined if nothing is. */
export function endpointFault(value: unknown, mode: LicenseMode): string | undefined {
  if (mode !== 'connected') return 'must not be set unless LICENSE_MODE is connected';
  const url = urlOf(value);
  if (!url || !['http:', 'https:'].includes(url.protocol)) return 'must be a URL with https';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return 'must be a URL with https; http is for a loopback address only';
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password';
  if (url.search !== '' || url.hash !== '') return 'must end with its path, without ? and #';
  return undefined;
}

/** What is wrong with the setting of the proxy; undefined if nothing is. */
export function proxyFault(value: unknown): string | undefined {
  const protocol = urlOf(value)?.protocol ?? '';
  return ['http:', 'https:'].includes(protocol)
    ? undefined
    : 'must be a URL with http or https, such as http://HOST:PORT';
}

/** A rule of a setting of the license app: `fault` ends the sentence that says what is wrong. */
export const Faultless = (fault: (value: unknown, mode: LicenseMode) => string | undefined): PropertyDecorator =>
  ValidateBy({
    name: 'faultless',
    validator: {
      validate: (value, args) => fault(value, modeOf(args)) === undefined,
      defaultMessage: (args) => `$property ${fault(args?.value, modeOf(args))}`,
    },
  });

const modeOf = (args: ValidationArguments | undefined): LicenseMode =>
  (args?.object as { readonly licenseMode: LicenseMode }).licenseMode;

const urlOf = (value: unknown): URL | undefined =>
  typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
