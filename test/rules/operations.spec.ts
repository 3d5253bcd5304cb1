import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { problems } from '@app/protocol';
import { parse } from 'yaml';
import { valueAt, valuesGiven } from '../support/helm-command';
import { documentedCommands, yamlBlocks } from '../support/documented-commands';

const root = join(__dirname, '../..');
const folder = 'docs/operations';
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = readdirSync(join(root, folder)).map((name) => [name, read(join(folder, name))] as const);

/** The values of the whole installation: the chart's own, with those of the workers' chart where it has them. */
const values = parse(read('knative/values.yaml')) as Record<string, object>;
values.workers = { ...values.workers, ...(parse(read('keda/values.yaml')) as object) };
const alerts = readdirSync(join(root, 'knative/observability/rules'))
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) =>
    [...read(`knative/observability/rules/${name}`).matchAll(/alert: (\w+)/g)].map(([, alert]) => alert),
  );

const metrics = ['libs/platform', ...readdirSync(join(root, 'apps')).map((app) => `apps/${app}`)]
  .map((part) => `${part}/src/metrics`)
  .filter((sources) => existsSync(join(root, sources)))
  .flatMap((sources) => readdirSync(join(root, sources)).map((name) => read(`${sources}/${name}`)))
  .join('');

/** Everything in backticks, but for blocks of code. */
const quoted = (page: string): string[] =>
  [...page.replaceAll(/^\s*```[\s\S]*?^\s*```/gm, '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
/** Dotted names that begin as a value of the charts does; `.enabled=false` and `: 1` behind them are left off. */
const valueNames = (page: string): string[] =>
  quoted(page)
    .map((text) => /^([a-z]\w*(?:\.[\w-]+)+)(?:=\S*|: \S+)?$/.exec(text)?.[1] ?? '')
    .filter((name) => !/\.(json|jwt)$/.test(name) && Object.hasOwn(values, name.split('.')[0] ?? ''));

describe('docs/operations', () => {
  it('is listed as a whole in its README', () => {
    const listed = [...read(`${folder}/README.md`).matchAll(/^\| \[([\w-]+\.md)\]/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(
      pages
        .map(([name]) => name)
        .filter((name) => name !== 'README.md')
        .sort(),
    );
  });

  it('has commands of helm to check', () => {
    expect(documentedCommands(pages, 'helm').filter(({ words }) => words.includes('--set')).length).toBeGreaterThan(5);
  });
});

describe.each(pages)('docs/operations/%s', (name, page) => {
  it('gives helm values that the charts have, and files that are there', () => {
    const ours = documentedCommands([[name, page]], 'helm').filter(({ words }) => words.includes('knative'));
    const given = ours.flatMap(({ words }) => valuesGiven(words));
    expect(given.filter((path) => valueAt(values, path) === undefined)).toEqual([]);
    const files = ours.flatMap(({ words }) => words.filter((_, index) => words[index - 1] === '-f'));
    expect(files.filter((file) => file.startsWith('knative/') && !existsSync(join(root, file)))).toEqual([]);
  });

  it('shows values in YAML that the charts have', () => {
    const blocks = yamlBlocks(page)
      .map((block) => parse(block) as object)
      .filter((block) => !('apiVersion' in block));
    expect(blocks.flatMap((block) => leavesOf(block)).filter((path) => valueAt(values, path) === undefined)).toEqual(
      [],
    );
  });

  it('names values, alerts, metrics, error codes and files that there are', () => {
    const words = quoted(page);
    expect(valueNames(page).filter((path) => valueAt(values, path) === undefined)).toEqual([]);
    expect(words.filter((word) => /^Antiphon[A-Z]\w+$/.test(word) && !alerts.includes(word))).toEqual([]);
    expect(words.filter((word) => /^antiphon_\w+$/.test(word) && !metrics.includes(`'${word}'`))).toEqual([]);
    const codes = words.filter((word) => /^[a-z]+_[a-z_]+$/.test(word) && !notCodes.test(word));
    expect(codes.filter((code) => !Object.hasOwn(problems, code))).toEqual([]);
    const paths = words.filter((word) => /^(knative|keda|docs|images|test|libs|apps)\/[\w./-]+$/.test(word));
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('links to pages and headings that there are', () => {
    const broken = [...page.matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)].filter(([, link = '', heading]) => {
      const target = normalize(join(folder, link));
      if (!existsSync(join(root, target))) return true;
      return heading !== undefined && !headingsOf(read(target)).includes(heading);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('patches with files that are there', () => {
    const files = [...page.matchAll(/(?:--patch-file[= ]|docker build -f )(\S+)/g)].map(([, file = '']) => file);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

/** Words in the shape of an error code that are something else: metrics and settings of others. */
const notCodes = /^(antiphon_|api_|server_name$|no_auth_user$|request_id$|expires_in$|half_open$)/;

const headingsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );

function leavesOf(value: object, above: readonly string[] = []): string[][] {
  return Object.entries(value).flatMap(([key, below]: [string, unknown]) => {
    const path = [...above, key];
    const isMap = typeof below === 'object' && below !== null && !Array.isArray(below);
    return isMap && valueAt(values, path) !== undefined ? leavesOf(below, path) : [path];
  });
}
