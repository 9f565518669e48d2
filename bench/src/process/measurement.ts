import { pairedRatio, type Repeated } from '../repeated.js';
import type { Figure, Target, Unit } from '../scenario.js';
import type { Session } from './session.js';

/** Some figures that are found together. */
export interface Measurement {
  readonly ids: readonly string[];
  /** Reports the figures; the OS processes that it starts are ended after it. */
  run(session: Session): Promise<void>;
}

/** The figure of what was measured in turns with its baseline. */
export function paired(
  id: string,
  unit: Unit,
  measured: Repeated,
  target: Target,
  baseline?: { readonly name: string; readonly measured: Repeated },
): Figure {
  const figure = { id, unit, value: measured.median, spread: measured.spread, target };
  if (baseline === undefined) return figure;
  return {
    ...figure,
    baseline: { name: baseline.name, value: baseline.measured.median },
    ratio: pairedRatio(measured, baseline.measured),
  };
}

/** A row for another way to do what `to` does: what it reaches beside ours. */
export function peer(id: string, measured: Repeated, to: string, ours: Repeated): Figure {
  return {
    id,
    unit: '1/s',
    value: measured.median,
    spread: measured.spread,
    baseline: { name: to, value: ours.median },
    ratio: pairedRatio(measured, ours),
  };
}
