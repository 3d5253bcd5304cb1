import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(__dirname, '../..');
const readYaml = (path: string): object => parse(readFileSync(join(root, path), 'utf8')) as object;

describe('docs', () => {
  const values = readYaml('knative/values.yaml');
  const known = { ...values, workers: readYaml('keda/values.yaml') };
  const assigned = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = readFileSync(join(root, 'docs', file), 'utf8');
      return [...text.matchAll(/--set(?:-string|-json|-file)? ["']?([A-Za-z][\w.-]*)[[\]\d]*[=.\\]/g)].map(
        ([, path = '']) => [file, path] as const,
      );
    });

  it('set values in their commands', () => expect(assigned.length).toBeGreaterThan(10));

  it.each(assigned)('of %s set a value that there is: %s', (_, path) => {
    let at: unknown = known;
    for (const key of path.split('.')) {
      const isOpen = typeof at === 'object' && at !== null && Object.keys(at).length === 0;
      if (isOpen) return;
      expect(Object.keys(at as object)).toContain(key);
      at = (at as Record<string, unknown>)[key];
    }
  });
});
