import { printable } from './printable.js';

/** A line for each row, its columns side by side, for people. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const table = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of table)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
