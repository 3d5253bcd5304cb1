import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRunFile } from './stack/run-file';
import { main } from './status';

describe('npm run status', () => {
  let folder: string;
  let said: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-status-'));
    said = [];
    const say = (line: unknown): void => void said.push(String(line));
    jest.spyOn(console, 'log').mockImplementation(say);
    jest.spyOn(console, 'error').mockImplementation(say);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('says why a part does not answer', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    writeRunFile(folder, {
      ready: true,
      api: 'http://127.0.0.1:1',
      apiKey: '',
      adminKey: '',
      license: '',
      nats: '',
      natsMonitoring: '',
      metrics: { gateway: `http://127.0.0.1:${port}/metrics` },
      pids: { gateway: process.pid },
    });
    expect(await main(['--data', folder], folder)).toBe(1);
    expect(said.join('\n')).toContain(`not answering: fetch failed (connect ECONNREFUSED 127.0.0.1:${port})`);
  });

  it('says in one line which option it does not know', async () => {
    expect(await main(['--prot', '1'], folder)).toBe(1);
    expect(said).toEqual([expect.stringMatching(/^antiphon: Unknown option '--prot'/)]);
  });
});
