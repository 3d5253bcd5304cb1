import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main, modelsFolder } from './models';

let folder: string;
let out: string;
let err: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'models-'));
  out = '';
  err = '';
  jest.spyOn(console, 'log').mockImplementation((line: string) => void (out += `${line}\n`));
  jest.spyOn(console, 'error').mockImplementation((line: string) => void (err += `${line}\n`));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const models = (...args: string[]): Promise<number> => main([...args, '--folder', folder], '/nowhere');

describe('npm run models', () => {
  it('lists every artifact with size, licence and whether it is held', async () => {
    expect(await models('list')).toBe(0);
    expect(out).toMatch(/^piper-joe +voice +1\.0\.0 +63\.2 MB +CC0-1\.0 +no /m);
    expect(out).toMatch(/^whisper-base +model .* on demand /m);
    expect(out).toContain(`folder: ${folder}`);
  });

  it('starts no download with --offline, and says what is missing and how to get it', async () => {
    expect(await models('get', 'piper-joe', 'whisper-base', '--offline')).toBe(1);
    expect(err).toContain('piper-joe whisper-base');
    expect(err).toContain('npm run models -- get piper-joe whisper-base');
  });

  it('says which wheel a folder lacks', async () => {
    expect(await models('get', 'speech-two-cities', '--from', folder)).toBe(1);
    expect(err).toContain('moonshine-voice 0.1.5');
  });

  it('finds files that are damaged or gone', async () => {
    mkdirSync(join(folder, 'piper-joe'));
    writeFileSync(join(folder, 'piper-joe/MODEL_CARD'), 'something else');
    expect(await models('verify')).toBe(1);
    expect(out).toContain('corrupt piper-joe/MODEL_CARD');
    expect(out).toContain('missing piper-joe/en_US-joe-medium.onnx\n');
    expect(err).toContain('npm run models -- get piper-joe');
  });

  it('has nothing to verify in an empty folder', async () => {
    expect(await models('verify')).toBe(0);
    expect(out).toContain('Nothing is held');
  });

  it.each([[['fetch']], [['get', 'piper-jo']], [['list', '--wrong']]])(
    'answers %j with one line and 1',
    async (args) => {
      expect(await models(...args)).toBe(1);
      expect(err.trimEnd()).toMatch(/^.+$/);
    },
  );

  it('prepares only what is held, and says what is not', async () => {
    expect(await models('prepare', 'piper-joe')).toBe(1);
    expect(err).toContain('piper-joe: missing');
  });

  it('explains itself', async () => {
    expect(await models('--help')).toBe(0);
    for (const word of ['list', 'get', 'verify', 'prepare', '--folder', '--from', '--offline'])
      expect(out).toContain(word);
  });
});

describe('modelsFolder', () => {
  const saved = process.env.ANTIPHON_MODELS;
  afterEach(() => {
    if (saved === undefined) delete process.env.ANTIPHON_MODELS;
    else process.env.ANTIPHON_MODELS = saved;
  });

  it('is what was given, else ANTIPHON_MODELS, else inside the repository', () => {
    process.env.ANTIPHON_MODELS = '/from/environment';
    expect(modelsFolder('/repository', 'given')).toBe('/repository/given');
    expect(modelsFolder('/repository')).toBe('/from/environment');
    delete process.env.ANTIPHON_MODELS;
    expect(modelsFolder('/repository')).toBe('/repository/.antiphon/models');
  });
});
