import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import * as ts from 'typescript';
import { bannedWordsIn } from './banned-words';

const root = join(__dirname, '../..');
/** The files of the repository, those that are not committed yet too. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '');

/** Prose is British: `licence`. Names of files, of paths and in code are not. */
const britishName = /licence/i;

/** The name with a hyphen between its words. */
const hyphenated = (name: string): string => name.replaceAll(/_|(?<=[a-z0-9])(?=[A-Z])/g, '-');

function identifiersIn(source: string): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) names.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest));
  return names;
}

/** Keys of JSON and YAML. */
const keysIn = (text: string): string[] =>
  [...text.matchAll(/^[ \t-]*"?([\w.-]+)"?:(?:\s|$)/gm)].map(([, key = '']) => key);

/** Words of a page that are a path or the name of a file or host. */
const pathsIn = (page: string): string[] =>
  page.match(/[\w.-]*(?:\.{0,2}\/[\w.-]+|\w\.(?:md|json|ts|example)\b)[\w./-]*/g) ?? [];

/** What names things in a file, by the end of the file's name. */
const namesIn: Readonly<Record<string, (text: string) => string[]>> = {
  '.ts': identifiersIn,
  '.mjs': identifiersIn,
  '.cjs': identifiersIn,
  '.json': keysIn,
  '.yaml': keysIn,
  '.md': pathsIn,
};

const british = (text: string, read: (text: string) => string[]): string[] =>
  britishName.test(text) ? [...new Set(read(text).filter((name) => britishName.test(name)))] : [];

describe('names', () => {
  it('of files say license', () => {
    expect(files.length).toBeGreaterThan(500);
    expect(files.filter((file) => britishName.test(file))).toEqual([]);
  });

  it('in code, keys and paths say license', () => {
    const found = files.flatMap((file) => {
      const read = namesIn[extname(file)];
      if (!read) return [];
      return british(readFileSync(join(root, file), 'utf8'), read).map((name) => `${file}: ${name}`);
    });
    expect(found).toEqual([]);
  });

  it('of files and in code use the terms of the field', () => {
    const inNames = files.flatMap((file) => bannedWordsIn(hyphenated(file)).map((word) => `${file}: ${word}`));
    const inCode = files
      .filter((file) => /\.[cm]?[jt]s$/.test(file))
      .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const)
      .filter(([, text]) => /beat|take_?over|newcomer|door|twin/i.test(text))
      .flatMap(([file, text]) => {
        const found = new Set(identifiersIn(text).flatMap((name) => bannedWordsIn(hyphenated(name))));
        return [...found].map((word) => `${file}: ${word}`);
      });
    expect([...inNames, ...inCode]).toEqual([]);
    expect(bannedWordsIn(hyphenated('takeOverBudgetMs'))).toEqual(['take-Over: write failover']);
    expect(bannedWordsIn(hyphenated('firstWindowMs heartbeatMs'))).toEqual([]);
  });

  it.each([
    ['a class', identifiersIn, 'export class Licence {}', ['Licence']],
    ['a field', identifiersIn, 'const { licence } = artifact;', ['licence']],
    ['a key of JSON', keysIn, '  "licence": {', ['licence']],
    ['a key of YAML', keysIn, 'licenceFile: x', ['licenceFile']],
    ['a path', pathsIn, 'See [this](docs/licences.md) or `./licence/keys.json`.', ['docs/licences.md', './licence/keys.json']], // prettier-ignore
    ['a host', pathsIn, 'https://licence.vendor.example', ['/licence.vendor.example']],
    ['no comment', identifiersIn, "/** The licence. */ const text = 'licence';", []],
    ['no value', keysIn, '"title": "The licence"', []],
    ['no prose', pathsIn, 'Install a licence, or the licence and its key.', []],
  ])('are found: %s', (_, read, text, names) => {
    expect(british(text, read)).toEqual(names);
  });
});

describe('apps/inference/src/handlers', () => {
  it('holds handlers, their tests and their index alone', () => {
    const inside = files.filter((file) => file.startsWith('apps/inference/src/handlers/'));
    expect(inside.filter((file) => !/\/([\w-]+\.handler(\.spec)?|handlers\.spec|index)\.ts$/.test(file))).toEqual([]);
  });
});
