import type { Figure } from './scenario.js';

/** Whether a figure keeps what was promised of it. */
export interface Verdict {
  /** The bound that is the hardest to meet, in the figure's unit. */
  readonly bound: number;
  readonly met: boolean;
}

/** Judges a figure by its target; undefined where it has none, or none that can be told without the missing baseline. */
export function verdict(figure: Figure): Verdict | undefined {
  const { target, value } = figure;
  const lower = highest([target?.atLeast, ofBaseline(figure, 'atLeast')]);
  const upper = lowest([target?.atMost, ofBaseline(figure, 'atMost')]);
  const bound = lower ?? upper;
  if (bound === undefined) return undefined;
  const met = value !== null && (lower === undefined || value >= lower) && (upper === undefined || value <= upper);
  return { bound, met };
}

/** The figure in baselines, if both were measured. */
export function ratioOf({ value, baseline, ratio }: Figure): number | undefined {
  if (value === null || baseline === undefined) return undefined;
  return ratio ?? value / baseline.value;
}

/** The target as people write it, such as `>= 0.4 x`. */
export function targetText({ target }: Figure, number: (value: number) => string): string {
  const bounds: string[] = [];
  const { atLeast, atMost, toBaseline } = target ?? {};
  if (toBaseline !== undefined && 'atLeast' in toBaseline) bounds.push(`>= ${number(toBaseline.atLeast)} x`);
  if (toBaseline !== undefined && 'atMost' in toBaseline) bounds.push(`<= ${number(toBaseline.atMost)} x`);
  if (atLeast !== undefined) bounds.push(`>= ${number(atLeast)}`);
  if (atMost !== undefined) bounds.push(`<= ${number(atMost)}`);
  return bounds.join(', ');
}

/** What the value would have to be for the ratio to be just as promised, by the ratio of the paired runs. */
function ofBaseline(figure: Figure, bound: 'atLeast' | 'atMost'): number | undefined {
  const { value, baseline, target } = figure;
  const promised: { atLeast?: number; atMost?: number } = target?.toBaseline ?? {};
  const factor = promised[bound];
  if (factor === undefined || baseline === undefined) return undefined;
  const ratio = ratioOf(figure);
  return factor * (value === null || ratio === undefined || ratio === 0 ? baseline.value : value / ratio);
}

function highest(bounds: readonly (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function lowest(bounds: readonly (number | undefined)[]): number | undefined {
  const known = bounds.filter((bound) => bound !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
