import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from './up';

describe('npm run up', () => {
  let folder: string;
  let said: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'antiphon-up-'));
    said = [];
    jest.spyOn(console, 'error').mockImplementation((line) => void said.push(String(line)));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('refuses a port that fetch does not dial, before anything is made or started', async () => {
    expect(await main(['--port', '6000', '--data', folder], folder)).toBe(1);
    expect(said).toEqual([
      'antiphon: Port 6000 cannot be used with --port: browsers and fetch refuse it. Choose another port, 5000 for example.',
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
