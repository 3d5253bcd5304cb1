import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveOptions } from '../license/vendor/serve';
import { VendorFolder, type StoredCheckIn } from '../license/vendor/vendor-folder';
import { writeRunFile } from './run-file';
import { main as status } from '../status';
import { checkInLine, checkInSince } from './license-endpoint';
import { parseUpOptions } from './options';
import { planStack, type StackPlan } from './plan';
import { PortBook } from './ports';

const checkIn: StoredCheckIn = {
  license: 'lic-1',
  holder: 'Example Ltd',
  receivedAt: '2026-11-29T12:00:00.000Z',
  version: '0.1.0',
  state: 'active',
  lease: 'lease-1',
  leaseEnds: '2026-12-02T12:00:00Z',
  checkInSeconds: 60,
  revoked: false,
};
const line =
  '2026-11-29T12:00:00.000Z  licence lic-1, lease lease-1 ends 2026-12-02T12:00:00Z, next check-in about 2026-11-29T12:01:00.000Z';

let folder: string;
let ports: PortBook;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stack-endpoint-'));
  ports = new PortBook(join(folder, 'ports'));
});
afterEach(() => {
  ports.release();
  rmSync(folder, { recursive: true });
});

async function plan(...args: string[]): Promise<StackPlan> {
  const license = { licenseFile: 'l', publicKeyFile: 'p', keysFile: 'k', issuerKeyFile: join(folder, 'issuer.pem') };
  const options = parseUpOptions(['--data', folder, ...args], folder);
  const settings = { root: folder, modelsFolder: folder, natsServer: 'nats-server', license, ...options };
  return planStack({ ...settings, port: await ports.take(21_500) }, ports);
}

describe('npm run up', () => {
  it('starts no licence endpoint by default and keeps the license app from calling one', async () => {
    const { licenseEndpoint, license, addresses } = await plan();
    expect([licenseEndpoint, addresses.licenseEndpoint]).toEqual([undefined, undefined]);
    expect(license.env).toMatchObject({ LICENSE_MODE: 'airgapped' });
    expect(license.env).not.toHaveProperty('LICENSE_ENDPOINT');
  });

  it('with --license connected starts one on a loopback address, which signs with the key of this machine', async () => {
    const { licenseEndpoint, license, addresses } = await plan('--license', 'connected');
    const url = addresses.licenseEndpoint?.url ?? '';
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(license.env).toMatchObject({ LICENSE_MODE: 'connected', LICENSE_ENDPOINT: url });
    expect(licenseEndpoint?.readyUrl).toBe(`${url}/healthz`);
    expect(serveOptions(licenseEndpoint?.args.slice(2) ?? [], '/')).toMatchObject({
      folder: addresses.licenseEndpoint?.folder,
      keyFile: join(folder, 'issuer.pem'),
      host: '127.0.0.1',
      port: Number(new URL(url).port),
    });
  });

  it('refuses another mode', () => {
    expect(() => parseUpOptions(['--license', 'online'], folder)).toThrow('--license takes connected or airgapped.');
  });
});

describe('a check-in', () => {
  const save = (change: Partial<StoredCheckIn> = {}): Promise<void> =>
    new VendorFolder(folder)
      .deployment({ sub: 'Example Ltd' }, change.deployment)
      .saveCheckIn({ ...checkIn, ...change });
  const newest = (sinceMs: number): Promise<StoredCheckIn | undefined> => checkInSince({ url: '', folder }, sinceMs, 0);

  it('is told in one line', async () => {
    await save();
    expect(checkInLine((await newest(0))!)).toBe(line);
    expect(checkInLine({ ...checkIn, revoked: true })).toContain('revoked licence lic-1');
  });

  it('of this start is told apart from an earlier one, the newest of all deployments', async () => {
    expect(await newest(0)).toBeUndefined();
    await save();
    await save({ deployment: 'prod-1', receivedAt: '2026-11-29T11:00:00.000Z' });
    expect((await newest(0))?.deployment).toBeUndefined();
    expect(await newest(Date.parse(checkIn.receivedAt) + 1)).toBeUndefined();
  });

  it('is shown by npm run status', async () => {
    const said: string[] = [];
    const log = jest.spyOn(console, 'log').mockImplementation((text) => void said.push(String(text)));
    const run = { ready: true, api: '', apiKey: '', adminKey: '', license: '', nats: '', natsMonitoring: '' };
    writeRunFile(folder, { ...run, licenseEndpoint: { url: '', folder }, metrics: {}, pids: {} });
    await status(['--data', folder], folder);
    await save();
    await status(['--data', folder], folder);
    log.mockRestore();
    expect(said.filter((text) => text.includes('check-in'))).toEqual([
      '  check-in         none yet',
      `  check-in         ${line}`,
    ]);
  });
});
