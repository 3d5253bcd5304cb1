import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const sources = ['apps', 'libs', 'tools'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name)),
);

/** ONNX Runtime 1.29 and later reports to its maker by default. */
describe('ONNX Runtime', () => {
  it('is loaded in one place, behind the setting that silences it', () => {
    const loads = /^(?!import type)(?:import|export)[^;]*?'onnxruntime-node'|require\('onnxruntime-node'\)/m;
    expect(sources.filter((path) => loads.test(readFileSync(join(root, path), 'utf8')))).toEqual([
      'libs/speech/src/engines/onnx-runtime.ts',
    ]);
    const [first] =
      readFileSync(join(root, 'libs/speech/src/engines/onnx-runtime.ts'), 'utf8').match(/^import .*$/m) ?? [];
    expect(first).toBe("import './onnx-runtime.config';");
  });

  it('makes no identifier and no log when that setting was made in the process itself', () => {
    const home = mkdtempSync(join(tmpdir(), 'telemetry-'));
    try {
      mkdirSync(join(home, 'tmp'));
      const script = `${readFileSync(join(root, 'libs/speech/src/engines/onnx-runtime.config.ts'), 'utf8').replace('export {};', '')}
        const { InferenceSession } = require('onnxruntime-node');
        InferenceSession.create(new Uint8Array(1)).catch(() => undefined);`;
      const { PATH } = process.env;
      const { status } = spawnSync(process.execPath, ['-e', script], {
        cwd: root,
        env: { PATH, HOME: home, TMPDIR: join(home, 'tmp'), XDG_CACHE_HOME: home },
      });
      expect(status).toBe(0);
      expect(readdirSync(home, { recursive: true })).toEqual(['tmp']);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('is silent in tests and in images, too', () => {
    expect(readFileSync(join(root, 'jest.config.mjs'), 'utf8')).toContain("process.env.ORT_DISABLE_TELEMETRY = '1'");
    const images = readFileSync(join(root, 'images/inference.Containerfile'), 'utf8');
    const users = images.split('\n').filter((line) => line.startsWith('ENV '));
    expect(users).not.toEqual([]);
    for (const line of users) expect(line).toContain('ORT_DISABLE_TELEMETRY=1');
  });
});
