import type { Figure } from './scenario.js';

/** A figure as it is written to JSON; what a figure does not have is null. */
export interface FigureRecord {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number | null;
  readonly met: boolean | null;
  readonly baseline: { readonly name: string; readonly value: number } | null;
}

/** The figure for JSON. */
export function figureRecord(figure: Figure): FigureRecord {
  const { id, value, unit, baseline } = figure;
  return { id, value, unit, target: targetOf(figure) ?? null, met: isMet(figure) ?? null, baseline: baseline ?? null };
}

const header = ['id', 'value', 'unit', 'target', 'met', 'baseline', 'its value', 'ratio'];
const numeric = new Set([1, 3, 6, 7]);

/** The figures as aligned text; the ratio is value to baseline. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = [header, ...figures.map(cells)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

function cells(figure: Figure): string[] {
  const { id, value, unit, spread, baseline } = figure;
  const met = isMet(figure);
  return [
    id,
    spread === undefined ? number(value) : `${number(value)} ± ${Math.round(spread * 100)} %`,
    unit,
    targetText(figure),
    met === undefined ? '' : met ? 'yes' : 'NO',
    baseline?.name ?? '',
    baseline === undefined ? '' : number(baseline.value),
    baseline === undefined ? '' : `${number(value / baseline.value)} x`,
  ];
}

function targetOf({ target }: Figure): number | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? target.atLeast : target.atMost;
}

function targetText(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return '';
  return 'atLeast' in target ? `>= ${number(target.atLeast)}` : `<= ${number(target.atMost)}`;
}

function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** Three digits that count, thousands apart. */
function number(value: number): string {
  return value.toLocaleString(
    'en',
    Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  );
}
