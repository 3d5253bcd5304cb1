import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDevelopmentLicense } from '../../../tools/license/development-license';
import { lineageOf, parseContainerfile } from '../../support/containerfile';
import { modelFolder } from '../../support/models';
import { freePort, TestNatsServer } from '../../support/nats-server';
import { until } from '../../support/until';
import { ContainedProcess, imageUser, whyNotContained } from './images/contained-process';
import { ImageTrees } from './images/image-tree';
import { root } from './rendered';

const minute = 60_000;
const apps = ['gateway', 'license', 'inference'] as const;
type App = (typeof apps)[number];

/** The user of the images as this machine sees it. */
const outerUser = process.getuid?.() || imageUser;

const reason = whyNotContained();
const what = `the images' files on a read-only machine, as user ${imageUser}`;
(reason === undefined ? describe : describe.skip)(reason === undefined ? what : `${what} (skipped: ${reason})`, () => {
  const trees = new ImageTrees();
  const nats = new TestNatsServer();
  const running: ContainedProcess[] = [];
  const folders = new Map<App, string>();
  const modulesOf = (app: App): string => join(folders.get(app) ?? '', 'node_modules');

  beforeAll(() => {
    for (const app of apps) folders.set(app, trees.assemble(app));
    cpSync(modelFolder('piper-joe'), join(trees.folder, 'models/piper-joe'), { recursive: true });
    makeReadable(join(trees.folder, 'models'));
  }, 15 * minute);

  afterAll(async () => {
    await Promise.all(running.map((one) => one.end('SIGKILL')));
    await nats.stop();
    trees.remove();
  });

  const start = (app: App, args: readonly string[], env: Record<string, string>): ContainedProcess => {
    const contained = ContainedProcess.start({
      program: trees.node,
      args: [...entryOf(app), ...args],
      folder: folders.get(app) ?? '',
      temporaryFolder: join(trees.folder, `${app}.tmp`),
      env: { NODE_ENV: 'production', ...env },
    });
    running.push(contained);
    return contained;
  };

  it('have in gateway and license nothing that only inference needs, and in none what builds and tests need', () => {
    for (const app of ['gateway', 'license'] as const) {
      expect(readdirSync(modulesOf(app)).filter((name) => /onnxruntime|phonemizer/.test(name))).toEqual([]);
      expect(megabytesOf(modulesOf(app))).toBeLessThan(150);
    }
    expect(megabytesOf(modulesOf('inference'))).toBeLessThan(250);
    for (const app of apps) expect(readdirSync(modulesOf(app))).not.toContain('typescript');
  });

  it.each(apps)(
    'let %s say its variables',
    async (app) => {
      const contained = start(app, ['--help'], {});
      expect([await contained.ended(), contained.log]).toEqual([0, expect.stringContaining('NATS_URL')]);
    },
    minute,
  );

  it(
    'speak, also after the death of an engine, leave no zombie, and end in order when they are told to',
    async () => {
      await nats.start();
      const issued = await ensureDevelopmentLicense(join(trees.folder, 'license-files'));
      makeReadable(join(trees.folder, 'license-files'));
      const [licensePort, gatewayPort] = [await freePort(), await freePort()];
      const license = start('license', [], {
        NATS_URL: nats.url,
        PORT: String(licensePort),
        LICENSE_FILE: issued.licenseFile,
        LICENSE_PUBLIC_KEY_FILE: issued.publicKeyFile,
        API_KEYS_FILE: issued.keysFile,
      });
      const gateway = start('gateway', [], {
        NATS_URL: nats.url,
        PORT: String(gatewayPort),
        METRICS_PORT: '0',
        LICENSE_PROXY_URL: `http://127.0.0.1:${licensePort}`,
        SERVED: 'piper-joe',
        USAGE_FOLDER: join(trees.folder, 'gateway.tmp', 'usage'),
      });
      const worker = start('inference', ['worker'], {
        NATS_URL: nats.url,
        LANES: 'tts.piper',
        METRICS_PORT: '0',
        MODELS_FOLDER: join(trees.folder, 'models'),
        GRAPHS_FOLDER: join(trees.folder, 'inference.tmp', 'antiphon-graphs'),
      });
      const parts = [license, gateway, worker];
      await Promise.all(parts.map((part) => part.writes('"started"')));
      const api = `http://127.0.0.1:${gatewayPort}`;
      expect(await secondsSpoken(api, issued.apiKey)).toBeGreaterThan(1);

      for (const part of parts) {
        const status = part.status();
        expect(status.get('Uid')?.split('\t')[0]).toBe(String(outerUser));
        expect(status.get('CapBnd')).toBe('0'.repeat(16));
        expect(status.get('NSpid')?.split('\t').at(-1)).toBe('1');
      }

      const killed = worker.children().map(({ pid }) => pid);
      expect(killed).not.toEqual([]);
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await until(() => worker.children().some(({ pid }) => !killed.includes(pid)));
      expect(worker.children().filter(({ state }) => state === 'Z')).toEqual([]);
      expect(await secondsSpoken(api, issued.apiKey)).toBeGreaterThan(1);

      // ONNX Runtime leaves logs there when it reports to its maker; the parts of a voice are cut there.
      const left = parts.flatMap((part) => part.temporaryFiles());
      expect(left.filter((name) => !['antiphon-graphs', 'usage'].includes(name))).toEqual([]);
      expect(await Promise.all([gateway.end(), worker.end()])).toEqual([0, 0]);
      expect(await license.end()).toBe(0);
    },
    5 * minute,
  );
});

/** What stands behind `node` in the ENTRYPOINT of an app's image. */
function entryOf(app: App): string[] {
  const file = parseContainerfile(readFileSync(join(root, 'images', `${app}.Containerfile`), 'utf8'));
  const instructions = lineageOf(file, file.stages.at(-1)?.name ?? '').flatMap((stage) => stage.instructions);
  const entry = instructions.find(({ keyword }) => keyword === 'ENTRYPOINT')?.text ?? '[]';
  return (JSON.parse(entry) as string[]).slice(1);
}

async function secondsSpoken(api: string, key: string): Promise<number> {
  const answer = await fetch(`${api}/tts/bytes`, {
    method: 'POST',
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      model_id: 'sonic-3',
      transcript: 'The harbour was quiet when the last boat came in.',
      voice: 'joe',
      output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 16_000 },
    }),
  });
  const bytes = await answer.arrayBuffer();
  if (!answer.ok) throw new Error(Buffer.from(bytes).toString());
  return bytes.byteLength / 2 / 16_000;
}

const makeReadable = (folder: string): void => void execFileSync('chmod', ['-R', 'a+rX', folder]);

const megabytesOf = (folder: string): number =>
  Number(execFileSync('du', ['-sm', folder], { encoding: 'utf8' }).split('\t')[0]);
