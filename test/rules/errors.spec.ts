import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problems, type ProblemRow } from '@app/protocol';

interface DocumentedRow {
  readonly code: string;
  readonly facts: Pick<ProblemRow, 'status' | 'closeCode' | 'retryable' | 'title'>;
  readonly advice: string;
}

const page = readFileSync(join(__dirname, '../../docs/errors.md'), 'utf8');

/** Every table row of the page whose first cell is a code in backticks. */
const documented: readonly DocumentedRow[] = page.split('\n').flatMap((line) => {
  const [, first, status, closeCode, retry, title, advice] = line.split('|').map((cell) => cell.trim());
  const code = /^`([a-z_]+)`$/.exec(first ?? '')?.[1];
  if (code === undefined) return [];
  const facts = {
    status: Number(status),
    closeCode: Number(closeCode),
    retryable: retry === 'yes',
    title: title ?? '',
  };
  return [{ code, facts, advice: advice ?? '' }];
});

const codes = Object.keys(problems) as (keyof typeof problems)[];

describe('docs/errors.md', () => {
  it.each(codes)('has one row for %s, with its numbers, its title and what to do', (code) => {
    const rows = documented.filter((row) => row.code === code);
    const { status, closeCode, retryable, title } = problems[code];
    expect(rows.map(({ facts }) => facts)).toEqual([{ status, closeCode, retryable, title }]);
    expect(rows[0]?.advice).toMatch(/\w.*\.$/);
  });

  it('lists no code that does not exist', () => {
    expect(documented.map(({ code }) => code).filter((code) => !Object.hasOwn(problems, code))).toEqual([]);
  });
});

describe('the table of problems', () => {
  it.each(codes)('gives %s a status and a close code that clients can act on', (code) => {
    const { status, closeCode, retryable, message } = problems[code];
    expect(message).toMatch(/^[A-Z]/);
    // Clients take these close codes as a reason to connect again.
    const meansComeBack = [1012, 1013].includes(closeCode);
    if (meansComeBack) expect(retryable).toBe(true);
    if (retryable) expect([408, 429].includes(status) || status >= 500).toBe(true);
  });
});
