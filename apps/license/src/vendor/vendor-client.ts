import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent, Pool, type buildConnector, type Dispatcher } from 'undici';
import { maxVendorRequestBytes } from '@app/licensing';
import { ProblemError, validated } from '@app/protocol';
import type { LicenseConfig } from '../license.config';
import { ProxyFailed, unreachable, type VendorFailure, type VendorOutcome } from './vendor-outcome';

/** Most time from the request to the last byte of the answer. */
const timeoutMs = 10_000;
/** Room for a lease with a licence inside, in base64url. */
const maxAnswerBytes = 64 * 1_024;
/** The form of an error code; anything else is not passed on. */
const codePattern = /^[a-z][a-z0-9_]{0,63}$/;

/** The settings of the connection to the licence endpoint. */
export type VendorClientSettings = Pick<
  LicenseConfig,
  'licenseEndpoint' | 'httpsProxy' | 'httpsProxyCredentials' | 'noProxy'
>;

/** What may be given besides the settings. */
export interface VendorClientOptions {
  /** PEM of certificate authorities, added to those that Node trusts. */
  readonly ca?: string | undefined;
  readonly timeoutMs?: number;
}

/** The content of LICENSE_CA_FILE; `config_invalid` if it cannot be read or has no certificate. */
export async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    const pem = await readFile(file, 'utf8');
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new ProblemError('config_invalid', {
      detail: `LICENSE_CA_FILE: ${file} is no PEM file of certificates.`,
      cause,
    });
  }
}

/** The proxy with its credentials, which may hold any character; empty without a proxy. */
function proxyUrl({ httpsProxy = '', httpsProxyCredentials: credentials }: VendorClientSettings): string {
  if (httpsProxy === '' || credentials === undefined) return httpsProxy;
  const url = new URL(httpsProxy);
  const colon = credentials.indexOf(':');
  url.username = encodeURIComponent(credentials.slice(0, colon));
  url.password = encodeURIComponent(credentials.slice(colon + 1));
  return url.href;
}

/** Sends JSON to the licence endpoint. Never rejects. Redirects are not followed, the environment is not read. */
export class VendorClient {
  private readonly endpoint: URL;
  private readonly agent: Dispatcher;
  private readonly timeoutMs: number;

  constructor(settings: VendorClientSettings, { ca, timeoutMs: limitMs = timeoutMs }: VendorClientOptions = {}) {
    const { licenseEndpoint = '', noProxy } = settings;
    this.endpoint = new URL(licenseEndpoint);
    this.timeoutMs = limitMs;
    const tls = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
    this.agent = new EnvHttpProxyAgent({
      // Empty, not absent: undici would read the environment.
      httpProxy: '',
      httpsProxy: proxyUrl(settings),
      noProxy: noProxy.join(','),
      connect: tls,
      requestTls: tls,
      proxyTls: tls,
      clientFactory: proxyPool,
      maxResponseSize: maxAnswerBytes,
    });
  }

  /** Host and port of the endpoint. */
  get host(): string {
    return this.endpoint.host;
  }

  /** Sends a request. The answer is checked against its class; without one, any success will do and its body is ignored. */
  async post<T extends object>(path: string, request: object, answer?: new () => T): Promise<VendorOutcome<T>> {
    const body = JSON.stringify(request);
    if (Buffer.byteLength(body) > maxVendorRequestBytes) {
      return { outcome: 'refused', status: 413, code: 'too_large' };
    }
    try {
      const { statusCode, body: received } = await this.agent.request({
        origin: this.endpoint.origin,
        path: this.endpoint.pathname.replace(/\/$/, '') + path,
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      const text = await received.text();
      if (statusCode < 200 || statusCode > 299) return refusal(statusCode, text);
      return answer ? answered(text, answer) : { outcome: 'answered', answer: {} as T };
    } catch (error) {
      return unreachable(error);
    }
  }

  /** Aborts what is under way. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** The connections to the proxy. Their errors are marked, since they say nothing about the endpoint. */
function proxyPool(origin: URL, options: object): Dispatcher {
  const { connect } = options as { readonly connect: buildConnector.connector };
  const marked: buildConnector.connector = (target, callback) =>
    connect(target, (...[error, socket]) =>
      error
        ? callback(new ProxyFailed('The proxy cannot be reached.', { cause: error }), null)
        : callback(null, socket),
    );
  return new Pool(origin, { ...options, connect: marked });
}

function refusal(status: number, text: string): VendorFailure {
  const code = (jsonOf(text) as { readonly error_code?: unknown } | null | undefined)?.error_code;
  const known = typeof code === 'string' && codePattern.test(code);
  return { outcome: 'refused', status, code: known ? code : `http_${status}` };
}

function answered<T extends object>(text: string, type: new () => T): VendorOutcome<T> {
  try {
    return { outcome: 'answered', answer: validated(type, jsonOf(text)) };
  } catch {
    return { outcome: 'unreachable', reason: 'answer', detail: 'not_understood' };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
