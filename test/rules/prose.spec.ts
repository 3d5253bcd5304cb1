import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problems } from '@app/protocol';
import { declaredMetrics } from '../support/declared-metrics';
import { bannedWordsIn } from './banned-words';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const maxColumns = 100;

/** A page without its fenced and indented code. Lines keep their numbers. */
const withoutCode = (page: string): string[] =>
  page
    .replaceAll(/^([ \t]*)(`{3,})[^\n]*\n[\s\S]*?^\1\2[ \t]*$/gm, (block) => block.replaceAll(/[^\n]/g, ''))
    .replaceAll(/^ {4}(?![-*\d ]).*$/gm, '')
    .split('\n');

/** Lines of prose over the limit that could be broken: tables, headings and a single long link or code span may not. */
function overlong(page: string): number[] {
  return withoutCode(page).flatMap((line, index) => {
    if ([...line].length <= maxColumns || /^\s*(\||#)/.test(line)) return [];
    const units = line.trim().replaceAll(/`[^`]*`|\[[^\]]*\]\([^)]*\)/g, 'unit');
    return /\S\s+\S/.test(units.replace(/^([-*]|\d+\.)\s+/, '')) ? [index + 1] : [];
  });
}

/** The banned words of a text that are not in code, each with the word to use. */
const bannedIn = (text: string): string[] => bannedWordsIn(text.replaceAll(/`[^`]*`/g, ''));

/** Texts that a command or an app prints for `--help`. */
const helpTexts = readdirSync(join(root, 'tools'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
  .flatMap((name) =>
    [...read(`tools/${name}`).matchAll(/[hH]elp = `((?:\\.|[^`\\])*)`/g)].map(([, text = '']) => [name, text] as const),
  );
const summaries = [...read('tools/bootstrap.mjs').matchAll(/says: '([^']+)'/g)].map(([, text = '']) => text);

describe.each(documents)('%s', (path) => {
  it(`wraps prose at ${maxColumns} characters`, () => {
    expect(overlong(read(path)).map((line) => `${path}:${line}`)).toEqual([]);
  });

  // The glossary lists the words that are not used.
  if (path !== 'docs/glossary.md') {
    it('uses the terms of the field', () => {
      expect(bannedIn(withoutCode(read(path)).join('\n'))).toEqual([]);
    });
  }
});

describe('texts of the code', () => {
  it('use the terms of the field in help', () => {
    expect(helpTexts.length).toBeGreaterThan(6);
    expect(summaries.length).toBeGreaterThan(10);
    const texts = [...helpTexts, ...summaries.map((text) => ['bootstrap.mjs', text] as const)];
    expect(texts.flatMap(([name, text]) => bannedIn(text).map((word) => `${name}: ${word}`))).toEqual([]);
  });

  it('use the terms of the field in the help of metrics', async () => {
    const declared = await declaredMetrics();
    expect(declared.flatMap(({ name, help }) => bannedIn(help).map((word) => `${name}: ${word}`))).toEqual([]);
  });

  it('use the terms of the field in problems', () => {
    const texts = Object.values(problems).map(({ title, message }) => `${title} ${message}`);
    expect(texts.flatMap(bannedIn)).toEqual([]);
  });
});

describe('the rule', () => {
  const long = 'word '.repeat(25).trim();

  it.each([
    ['a paragraph', long, [1]],
    ['an item of a list', `- ${long}`, [1]],
    ['a line after code', `\`\`\`\n${long}\n\`\`\`\n\n${long}`, [5]],
    ['a row of a table', `| ${long} |`, []],
    ['one long code span', `\`${long}\`,`, []],
    ['one long link', `[text](https://${'x'.repeat(120)})`, []],
    ['code', `\`\`\`sh\n${long}\n\`\`\``, []],
  ])('measures %s', (_, page, lines) => {
    expect(overlong(page)).toEqual(lines);
  });

  it('finds a private word and says what to write', () => {
    expect(bannedIn('The worker sends no beat.')).toEqual(['beat: write heartbeat']);
    expect(bannedIn('A take-over by `beat`.')).toEqual(['take-over: write failover']);
    expect(bannedIn('A heartbeat. An indoor rate.')).toEqual([]);
  });
});
