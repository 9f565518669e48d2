import type { Figure } from './scenario.js';
import { ratioOf, targetText, verdict } from './verdict.js';

/** A figure as it is written to JSON; what a figure does not have is null. */
export interface FigureRecord {
  readonly id: string;
  readonly value: number | null;
  readonly unit: string;
  readonly target: number | null;
  readonly met: boolean | null;
  readonly baseline: { readonly name: string; readonly value: number } | null;
}

/** The figure for JSON. A target that is a ratio to the baseline is written in the figure's own unit. */
export function figureRecord(figure: Figure): FigureRecord {
  const { id, value, unit, baseline } = figure;
  const judged = verdict(figure);
  return { id, value, unit, target: judged?.bound ?? null, met: judged?.met ?? null, baseline: baseline ?? null };
}

const header = ['id', 'value', 'unit', 'target', 'met', 'baseline', 'its value', 'ratio'];
const numeric = new Set([1, 3, 6, 7]);

/** The figures as aligned text, and their notes; the ratio is value to baseline. */
export function figureTable(figures: readonly Figure[]): string {
  const { rows, widths } = aligned(figures);
  const lines = rows.map((row) => row.join('  ').trimEnd());
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return [...lines, ...notes(figures)].join('\n');
}

/** The same as a table in Markdown, laid out as the formatter of this repository does. */
export function figureMarkdown(figures: readonly Figure[]): string {
  const { rows, widths } = aligned(figures);
  const rule = widths.map((width, column) => (numeric.has(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  const [head = [], ...body] = rows;
  const lines = [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`);
  const listed = notes(figures).map((note) => `- ${note}`);
  return [...lines, '', ...listed].join('\n').trimEnd();
}

/** Header and figures as cells, those of a column equally wide. */
function aligned(figures: readonly Figure[]): { rows: string[][]; widths: number[] } {
  const rows = [header, ...figures.map(cells)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return { rows: rows.map((row) => row.map(pad)), widths };
}

function notes(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ id, note }) => (note === undefined ? [] : [`${id}: ${note}`]));
}

function cells(figure: Figure): string[] {
  const { id, unit, baseline } = figure;
  const judged = verdict(figure);
  const ratio = ratioOf(figure);
  return [
    id,
    valueText(figure),
    unit,
    targetText(figure, number),
    judged === undefined ? '' : judged.met ? 'yes' : 'NO',
    baseline?.name ?? '',
    baseline === undefined ? '' : number(baseline.value),
    ratio === undefined ? '' : `${number(ratio)} x`,
  ];
}

function valueText({ value, spread }: Figure): string {
  if (value === null) return 'none';
  return spread === undefined ? number(value) : `${number(value)} ± ${Math.round(spread * 100)} %`;
}

/** Three digits that count, thousands apart. */
function number(value: number): string {
  return value.toLocaleString(
    'en',
    Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  );
}
