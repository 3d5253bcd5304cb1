import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../tools/license';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/licensing.md');
/** The first cells of the rows of a section's tables. */
const rowsOf = (heading: string): string[] => {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (`.+?) +\|/gm)].map(([, cell = '']) => cell);
};

it('docs/licensing.md has a row for every command of npm run license', async () => {
  const said: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
  await main(['--help'], root).finally(() => log.mockRestore());
  const commands = [...said.join('\n').matchAll(/^npm run license -- ((?:audit )?[a-z-]+)/gm)].map(([, name]) => name);
  const described = rowsOf('Commands').map((cell) => /^`npm run license -- ((?:audit )?[a-z-]+)/.exec(cell)?.[1]);
  expect(commands.length).toBeGreaterThan(8);
  expect(described.sort()).toEqual(commands.sort());
});

it('docs/licensing.md says what to do at every alert about licences', () => {
  const folder = 'knative/observability/rules';
  const rules = readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => read(`${folder}/${name}`))
    .join('\n');
  const alerts = [...rules.matchAll(/alert: (AntiphonLicense\w+)/g)].map(([, name = '']) => name);
  const described = rowsOf('Countdown and alerts').flatMap((cell) =>
    [...cell.matchAll(/`(?:…)?(\w+)(…)?`/g)].map(([, name = '', rest]) => ({ name, isPrefix: rest !== undefined })),
  );
  const isDescribed = (alert: string): boolean =>
    described.some(({ name, isPrefix }) => (isPrefix ? alert.startsWith(name) : alert.endsWith(name)));
  expect(alerts.length).toBeGreaterThan(15);
  expect(alerts.filter((alert) => !isDescribed(alert))).toEqual([]);
});

it('README.md links to every page of docs', () => {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  expect(pages.filter((name) => !read('README.md').includes(`(docs/${name}`))).toEqual([]);
});
