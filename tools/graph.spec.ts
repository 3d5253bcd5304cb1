import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { main } from './graph';

const files = [
  'knative/values.yaml',
  'keda/values.yaml',
  'knative/jetstream.json',
  'docs/function-graph.svg',
  'docs/function-graph.md',
];

describe('npm run graph', () => {
  let root: string;
  let printed: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'graph-'));
    for (const file of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      cpSync(join(__dirname, '..', file), join(root, file));
    }
    printed = '';
    const print = (text: unknown): true => ((printed += `${String(text)}\n`), true);
    jest.spyOn(process.stdout, 'write').mockImplementation(print);
    jest.spyOn(console, 'log').mockImplementation(print);
    jest.spyOn(console, 'error').mockImplementation(print);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(root, { recursive: true });
  });

  it.each([
    [[], /^tts\.piper +queue/m],
    [['mermaid'], /^flowchart LR/],
    [['svg'], /<svg/],
    [['jetstream'], /"durable_name": "first"/],
    [['values'], /^ {4}tts-piper:\n {6}kind: tts$/m],
    [['--help'], /--write/],
  ])('shows %j', async (args, pattern) => {
    expect(await main(args, root)).toBe(0);
    expect(printed).toMatch(pattern);
  });

  it.each([[['constructor']], [['svg', 'extra']], [['--wrte']], [['--write', '--check']], [['svg', '--write']]])(
    'refuses %j, and shows its help',
    async (args) => {
      writeFileSync(join(root, 'knative/jetstream.json'), '');
      expect(await main(args, root)).toBe(1);
      expect(printed).toContain('npm run graph -- FORM');
      expect(readFileSync(join(root, 'knative/jetstream.json'), 'utf8')).toBe('');
    },
  );

  it('checks without writing, names what is not as the graph has it, and writes that', async () => {
    expect(await main(['--check'], root)).toBe(0);
    const values = join(root, 'keda/values.yaml');
    const text = readFileSync(values, 'utf8');
    const spoiled = text.replace('seats: 8', 'seats: 9');
    writeFileSync(values, spoiled);
    rmSync(join(root, 'docs/function-graph.svg'));
    printed = '';
    expect(await main(['--check'], root)).toBe(1);
    expect(printed.match(/: \S+\/\S+/g)).toEqual([': keda/values.yaml', ': docs/function-graph.svg']);
    expect(readFileSync(values, 'utf8')).toBe(spoiled);
    expect(await main(['--write'], root)).toBe(0);
    expect(readFileSync(values, 'utf8')).toBe(text);
    expect(await main(['--check'], root)).toBe(0);
  });
});
