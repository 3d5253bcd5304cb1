import type { UsageGroup, UsageRow } from './usage-totals';

const header = (by: UsageGroup): string[] => ['month', by, 'kind', 'requests', 'characters', 'audio_seconds'];

/** Milliseconds are enough to read; a sum of samples is exact before it gets here. */
const cells = ({ month, name, kind, requests, characters, audioSeconds }: UsageRow): string[] => [
  month,
  name,
  kind,
  String(requests),
  String(characters),
  audioSeconds.toFixed(3),
];

/** Totals as a table for a terminal: aligned columns, numbers to the right. */
export function usageTable(rows: readonly UsageRow[], by: UsageGroup): string {
  const table = [header(by), ...rows.map(cells)];
  const widths = header(by).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return table.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** Totals as CSV (RFC 4180, with a header). No cell needs quotes: names have letters, digits, `.`, `_` and `-` only. */
export const usageCsv = (rows: readonly UsageRow[], by: UsageGroup): string =>
  [header(by), ...rows.map(cells)].map((row) => `${row.join(',')}\r\n`).join('');
