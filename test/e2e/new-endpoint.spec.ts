import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wavFile } from '@app/speech/audio';
import { EndpointClient } from '../support/endpoint-client';
import { RepositoryCopy, type Ended } from '../support/repository-copy';

/** Longer than any of this takes on a busy machine. */
const patienceMs = 600_000;
const page = readFileSync(join(__dirname, '../../docs/new-endpoint.md'), 'utf8');

/** The files that the page gives whole. */
const edits = [...page.matchAll(/^`([^`\n]+)`:\n\n```ts\n([^]*?)^```$/gm)].map(([, file = '', content = '']) => ({
  file,
  content,
}));

/** The first command of the page. */
const [, command = ''] = /^```sh\n(npm run endpoint .+)\n```$/m.exec(page) ?? [];

/** A tone of 997 Hz, which the standard says has 3.01 LU less than its level in dB of full scale. */
const tone = (levelDbfs: number, sampleRateHz: number): Buffer =>
  wavFile(
    new Float32Array(3 * sampleRateHz).map(
      (_, i) => 10 ** (levelDbfs / 20) * Math.sin((2 * Math.PI * 997 * i) / sampleRateHz),
    ),
    { encoding: 'pcm_s16le', sampleRateHz },
  );

const succeeds = ({ code, output }: Ended): void => {
  if (code !== 0) throw new Error(output);
};

describe('docs/new-endpoint.md, done in a copy of the repository', () => {
  let copy: RepositoryCopy;

  const jest = (projects: string[], ...patterns: string[]): Promise<Ended> =>
    copy.runScript('jest/bin/jest.js', '--selectProjects', ...projects, '--testPathPatterns', ...patterns);

  beforeAll(() => {
    copy = new RepositoryCopy();
  }, patienceMs);
  afterAll(() => copy?.remove(), patienceMs);

  it(
    "adds an endpoint with an engine with Nest's generator alone, and a rule is broken until the graph is written anew",
    async () => {
      const generate = ['generate', '-c', '@antiphon/schematics', 'engine-endpoint', 'language-id', '-p', 'gateway'];
      succeeds(await copy.runScript('@nestjs/cli/bin/nest.js', ...generate));
      const { code, output } = await jest(['rules'], 'rules/graph');
      expect(code).toBe(1);
      expect(output).toMatch(/\+ +"knative\/values\.yaml"/);
    },
    patienceMs,
  );

  it(
    'adds the endpoint of the page as the page says',
    async () => {
      const { code, output } = await copy.run('sh', '-c', command);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('POST /loudness works') as string });
      for (const chart of ['knative', 'keda']) {
        expect(copy.read(`${chart}/values.yaml`)).toMatch(/^ {4}loudness-builtin:\n {6}kind: loudness$/m);
        expect(copy.read(`${chart}/values.yaml`)).toMatch(/^ {4}language-id-builtin:\n {6}kind: language-id$/m);
      }
      expect(edits.map(({ file }) => file)).toContain('apps/inference/src/handlers/loudness.handler.ts');
      for (const { file, content } of edits) copy.write(file, content);
    },
    patienceMs,
  );

  it(
    'makes code that compiles, that lint and formatter leave alone, and whose tests pass',
    async () => {
      const made = (await copy.run('find', 'apps', 'libs', 'test', '-name', '*.ts')).output
        .split('\n')
        .filter((file) =>
          /\/(loudness|language-id)[./][^/]+$|\/(endpoints|functions|handlers|jobs)\/index\.ts$|\/definitions\.ts$/.test(
            file,
          ),
        );
      expect(made.length).toBeGreaterThan(12);
      const ends = await Promise.all([
        copy.compile(),
        copy.runScript('prettier/bin/prettier.cjs', '--check', ...made),
        copy.runScript('eslint/bin/eslint.js', '--max-warnings', '0', ...made),
      ]);
      ends.forEach(succeeds);
      // Its own tests, and those that would break if they listed the functions.
      const others = ['rules/graph', 'handlers/handlers', 'gateway/test/access', 'protocol/src', 'development-license'];
      succeeds(await jest(['unit', 'rules'], 'loudness.handler', 'language-id.handler', ...others));
      succeeds(await jest(['e2e'], 'e2e/language-id'));
    },
    patienceMs,
  );

  it(
    'serves it: measures recordings of known loudness, and refuses what is none',
    async () => {
      const target = await copy.start();
      const client = new EndpointClient(target, '/loudness');
      const loud = { duration_ms: 3_000, sample_rate_hz: 48_000, loudness_lufs: -23 };
      expect(await client.post(tone(-20, 48_000))).toMatchObject({ status: 200, body: loud });
      expect(await client.postForm(tone(-33, 16_000))).toMatchObject({ body: { loudness_lufs: -36 } });
      expect(await client.post(tone(-20, 48_000), { query: '?from_ms=1000' })).toMatchObject({
        body: { duration_ms: 2_000, loudness_lufs: -23 },
      });
      const refused = (status: number, code: string) => ({ status, body: { error_code: code } });
      expect(await client.post(tone(-20, 16_000), { apiKey: 'sk_unknown' })).toMatchObject(refused(401, 'key_unknown'));
      expect(await client.post(Buffer.alloc(0))).toMatchObject(refused(400, 'bad_request'));
      expect(await client.post(Buffer.from('Hello.'))).toMatchObject(refused(400, 'audio_not_supported'));
      expect(await client.postForm(Buffer.alloc(1_000_001))).toMatchObject(refused(413, 'too_large'));
      const other = new EndpointClient(target, '/language-id');
      // What the starter model computes in its engine: 20 dB below full scale is a tenth, of which a tone's power is half.
      expect(await other.post(tone(-20, 8_000))).toMatchObject({
        body: { duration_ms: 3_000, sample_rate_hz: 8_000, level: 0.071 },
      });
    },
    patienceMs,
  );
});
