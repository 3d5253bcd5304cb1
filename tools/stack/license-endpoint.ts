import { join } from 'node:path';
import { VendorFolder, type StoredCheckIn } from '../license/vendor/vendor-folder';
import type { PartSpec } from './part';
import type { PortBook } from './ports';

/** Where the licence endpoint of a stack is. */
export interface LicenseEndpointAddress {
  /** Base URL. */
  readonly url: string;
  /** Its folder: check-ins, telemetry, audit log. */
  readonly folder: string;
}

/** Short, so that a person sees one check-in after another. */
const checkInSeconds = 60;
const pollMs = 100;

/** Chooses the port of the licence endpoint. It signs leases with the key that signed the licence of this machine. */
export async function planEndpoint(
  settings: {
    readonly root: string;
    readonly dataFolder: string;
    readonly license: { readonly issuerKeyFile: string };
  },
  ports: PortBook,
): Promise<{ readonly part: PartSpec; readonly address: LicenseEndpointAddress }> {
  const { root, dataFolder, license } = settings;
  const port = await ports.take(8443);
  const url = `http://127.0.0.1:${port}`;
  const folder = join(dataFolder, 'license-endpoint');
  const options = { folder, key: license.issuerKeyFile, port, 'check-in-seconds': checkInSeconds };
  const part: PartSpec = {
    name: 'license-endpoint',
    command: process.execPath,
    args: [
      '--enable-source-maps',
      join(root, 'dist/tools/license/vendor/main.js'),
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    env: {},
    logFile: join(dataFolder, 'logs', 'license-endpoint.log'),
    readyUrl: `${url}/healthz`,
  };
  return { part, address: { url, folder } };
}

/** The newest check-in at the endpoint, once there is one that is not older; undefined where none comes in time. */
export async function checkInSince(
  { folder }: LicenseEndpointAddress,
  sinceMs: number,
  timeoutMs: number,
): Promise<StoredCheckIn | undefined> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const [newest] = await new VendorFolder(folder).checkIns();
    if (newest && Date.parse(newest.receivedAt) >= sinceMs) return newest;
    if (performance.now() >= until) return undefined;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A check-in in one line: who, which lease, until when, and when the next one is due. */
export function checkInLine({
  receivedAt,
  license,
  lease,
  leaseEnds,
  checkInSeconds: pause,
  revoked,
}: StoredCheckIn): string {
  const next = new Date(Date.parse(receivedAt) + pause * 1_000).toISOString();
  const what = revoked ? 'revoked licence' : 'licence';
  return `${receivedAt}  ${what} ${license}, lease ${lease} ends ${leaseEnds}, next check-in about ${next}`;
}
