type Rows = readonly (readonly string[])[];

/** For each column the length of its longest cell. The first row decides how many columns there are. */
export const columnWidths = (rows: Rows): number[] =>
  (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));

/** One line for each row. Each column is as wide as its longest cell. */
export function tableLines(rows: Rows): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
