import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaries } from './checkers';
import { root } from './rendered';

interface Verdict {
  readonly file: string;
  /** Why it cannot be built at all. */
  readonly error?: string;
  readonly findings: readonly { readonly rule: string; readonly detail: string; readonly line: number }[];
}

const images = join(root, 'images');
const files = readdirSync(images).filter((name) => name.endsWith('.Containerfile'));

const check = (file: string): Verdict => {
  const [verdict] = JSON.parse(
    execFileSync(join(binaries(), 'containerfile-check'), [file], { encoding: 'utf8' }),
  ) as Verdict[];
  if (!verdict) throw new Error(`nothing was said of ${file}`);
  return verdict;
};

it('There is a Containerfile for each app', () => {
  expect(files.sort()).toEqual(readdirSync(join(root, 'apps')).map((app) => `${app}.Containerfile`));
});

describe.each(files)('%s', (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'antiphon-containerfile-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const text = readFileSync(join(images, name), 'utf8');
  const doctored = (change: (text: string) => string): Verdict => {
    const file = join(folder, name);
    writeFileSync(file, change(text));
    return check(file);
  };

  it('is taken by BuildKit, whose linter finds nothing', () => {
    expect(check(join(images, name))).toEqual({ file: join(images, name), findings: [] });
  });

  it.each([
    ['an instruction that does not exist', (it: string) => it.replace(/^ENTRYPOINT/m, 'ENTRY'), /unknown instruction/],
    ['a flag that does not exist', (it: string) => it.replace('COPY --from=', 'COPY --form='), /unknown flag/],
    [
      'a base image that nobody declared',
      (it: string) => it.replace('ARG NODE_IMAGE=', 'ARG NODE_PICTURE='),
      /UndefinedArgInFrom/,
    ],
    [
      'an entrypoint that a shell would run',
      (it: string) => it.replace(/^ENTRYPOINT .*$/m, 'ENTRYPOINT node main.js'),
      /JSONArgsRecommended/,
    ],
    ['a secret that stays in the image', (it: string) => `${it}\nENV API_TOKEN=abc\n`, /SecretsUsedInArgOrEnv/],
  ])('is refused with %s', (_, change, reason) => {
    expect(JSON.stringify(doctored(change))).toMatch(reason);
  });
});
