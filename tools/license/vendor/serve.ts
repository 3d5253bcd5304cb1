import { createPrivateKey, createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { issuerKeyId, readPublicKeys } from '@app/licensing';
import { Log, type BodyTimes } from '@app/platform';
import { ProblemError } from '@app/protocol';
import { issuerFiles } from '../keys';
import { ifThere } from './durable-file';
import { startEndpointServer } from './endpoint-server';
import { takeLock } from './folder-lock';
import { LicenseEndpoint } from './license-endpoint';
import { OfferedLicenses } from './offered-licenses';
import { VendorFolder, vendorFiles } from './vendor-folder';

/** How a licence endpoint is started. Files are absolute. */
export interface ServeOptions {
  readonly folder: string;
  /** Private key of the issuer, PEM; that of the folder where absent. */
  readonly keyFile?: string | undefined;
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  readonly tlsFiles?: { readonly cert: string; readonly key: string } | undefined;
  readonly leaseSeconds: number;
  readonly checkInSeconds: number;
}

/** What a test sets. */
export interface ServeContext {
  readonly log?: Log;
  readonly nowMs?: () => number;
  readonly leaseId?: () => string;
  readonly bodyTimes?: BodyTimes;
}

/** A licence endpoint that listens. */
export interface RunningEndpoint {
  /** Base URL. */
  readonly url: string;
  readonly keyId: string;
  close(): Promise<void>;
}

const options = {
  folder: { type: 'string' },
  key: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8443' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'lease-hours': { type: 'string', default: '72' },
  'check-in-seconds': { type: 'string', default: '21600' },
} as const;

/** Lines of `npm run license -- --help`. */
export const serveHelp = `npm run license -- serve --folder FOLDER        answer the check-ins of deployments: the licence endpoint
npm run license -- revoke ID --folder FOLDER    revoke a licence, from its next check-in on

serve
  --folder FOLDER      keys, licences to offer, revocations, and what deployments send
  --key FILE           private key of the issuer (default: ${issuerFiles.privateKey} in the folder)
  --host, --port       address to listen on (default: 127.0.0.1 and 8443)
  --tls-cert, --tls-key FILE   certificate chain and its private key, PEM (default: plain HTTP)
  --lease-hours HOURS  length of a lease (default: 72)
  --check-in-seconds SECONDS   time until the next check-in (default: 21600)

revoke
  --folder FOLDER      folder of the licence endpoint
  --undo               remove the revocation`;

/** `npm run license -- serve`: resolves to the exit code when it was told to stop. */
export async function serveCommand(args: readonly string[], root: string): Promise<number> {
  const chosen = serveOptions(args, root);
  const stop = stopSignal();
  const endpoint = await startEndpoint(chosen);
  console.log(`Licence endpoint: ${endpoint.url} (key ${endpoint.keyId}, folder ${chosen.folder})`);
  if (!chosen.tlsFiles && !isLoopback(chosen.host)) {
    console.log('It speaks plain HTTP. Let only a proxy that speaks TLS reach it.');
  }
  await stop;
  await endpoint.close();
  return 0;
}

/** Reads the arguments; a `bad_request` problem names what is wrong. */
export function serveOptions(args: readonly string[], root: string): ServeOptions {
  const { values } = parseArgs({ args: [...args], options });
  const { folder, key, host, 'tls-cert': cert, 'tls-key': tlsKey } = values;
  if (folder === undefined) throw wrong('--folder is missing.');
  if ((cert === undefined) !== (tlsKey === undefined)) throw wrong('Give --tls-cert and --tls-key, or neither.');
  const leaseSeconds = 3_600 * whole('--lease-hours', values['lease-hours'], [1, 8_760]);
  const checkInSeconds = whole('--check-in-seconds', values['check-in-seconds'], [1, 31_536_000]);
  if (checkInSeconds >= leaseSeconds) {
    throw wrong(`--check-in-seconds must be less than the length of a lease, which is ${leaseSeconds} seconds.`);
  }
  return {
    folder: resolve(root, folder),
    keyFile: key === undefined ? undefined : resolve(root, key),
    host,
    port: whole('--port', values.port, [0, 65_535]),
    tlsFiles:
      cert === undefined || tlsKey === undefined
        ? undefined
        : { cert: resolve(root, cert), key: resolve(root, tlsKey) },
    leaseSeconds,
    checkInSeconds,
  };
}

/** Starts a licence endpoint on a folder that no other process serves. */
export async function startEndpoint(chosen: ServeOptions, context: ServeContext = {}): Promise<RunningEndpoint> {
  const { log = Log.create('license-endpoint'), nowMs = Date.now, leaseId = randomUUID } = context;
  const issuer = await readIssuer(chosen);
  const trustedPem = await ifThere(readFile(join(chosen.folder, vendorFiles.trusted), 'utf8'));
  const keys = [createPublicKey(issuer), ...(trustedPem === undefined ? [] : readPublicKeys(trustedPem))];
  const { tlsFiles, host, port, leaseSeconds, checkInSeconds } = chosen;
  const tls = tlsFiles && { cert: await readFile(tlsFiles.cert), key: await readFile(tlsFiles.key) };
  const folder = new VendorFolder(chosen.folder);
  await folder.prepare();
  const release = await takeLock(join(chosen.folder, vendorFiles.lock));
  try {
    const offered = new OfferedLicenses(join(chosen.folder, vendorFiles.licenses), keys, log);
    const rules = { issuer, keys, leaseSeconds, checkInSeconds, nowMs, leaseId };
    const endpoint = new LicenseEndpoint({ folder, offered, log, ...rules });
    const server = await startEndpointServer({
      host,
      port,
      ...(tls && { tls }),
      handle: (path, body) => endpoint.handle(path, body),
      log,
      nowMs,
      ...(context.bodyTimes && { bodyTimes: context.bodyTimes }),
    });
    const address = host.includes(':') ? `[${host}]` : host;
    return {
      url: `${tls ? 'https' : 'http'}://${address}:${server.port}`,
      keyId: issuerKeyId(issuer),
      close: () => server.close().finally(release),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function readIssuer({ folder, keyFile }: ServeOptions): Promise<KeyObject> {
  const file = keyFile ?? join(folder, issuerFiles.privateKey);
  const pem = await ifThere(readFile(file));
  if (!pem) {
    throw wrong(
      `${file} does not exist. Make the keys of an issuer with npm run license -- keys --folder ${folder}, or name a private key with --key.`,
    );
  }
  const issuer = createPrivateKey(pem);
  if (issuer.asymmetricKeyType !== 'ed25519') throw wrong(`${file} is not an Ed25519 key.`);
  return issuer;
}

function whole(name: string, text: string, [least, most]: readonly [number, number]): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw wrong(`${name} takes a whole number from ${least} to ${most}.`);
}

const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);

/** Resolves at the first SIGINT or SIGTERM. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

const wrong = (detail: string): ProblemError => new ProblemError('bad_request', { detail });
