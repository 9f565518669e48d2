/** A measurement that was taken several times. */
export interface Repeated {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Half the distance between the quartiles, relative to the median: 0.05 means that half the runs lay within ± 5 %. */
  readonly spread: number;
  /** In the order in which they were measured. */
  readonly values: readonly number[];
}

/** How often to measure. */
export interface Repetition {
  /** Runs whose result is thrown away, while the engine compiles and caches fill; default 2. */
  readonly warmUps?: number;
  /** Runs that count; default 7. */
  readonly runs?: number;
}

/** Measures repeatedly; `measure` does the work once and returns the figure, such as the rate that it reached. */
export async function repeat(
  measure: () => number | Promise<number>,
  { warmUps = 2, runs = 7 }: Repetition = {},
): Promise<Repeated> {
  for (let i = 0; i < warmUps; i++) await measure();
  const values: number[] = [];
  for (let i = 0; i < runs; i++) values.push(await measure());
  return summary(values);
}

/** Takes several measurements in turns, A B C A B C, so that a slow minute of the machine slows all of them down. */
export async function alternate<K extends string>(
  measures: Readonly<Record<K, () => number | Promise<number>>>,
  { warmUps = 2, runs = 7 }: Repetition = {},
): Promise<Record<K, Repeated>> {
  const names = Object.keys(measures) as K[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < warmUps + runs; round++) {
    for (const name of names) {
      const value = await measures[name]();
      if (round >= warmUps) values[name].push(value);
    }
  }
  return Object.fromEntries(names.map((name) => [name, summary(values[name])])) as Record<K, Repeated>;
}

/** The median of the ratios of those that were measured one after the other. */
export function pairedRatio(measured: Repeated, baseline: Repeated): number {
  return summary(measured.values.map((value, i) => value / (baseline.values[i] ?? Number.NaN))).median;
}

/** How many milliseconds `work` takes. */
export async function durationMs(work: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Median and spread of at least one value. */
export function summary(values: readonly number[]): Repeated {
  const sorted = [...values].sort((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  const quartiles = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  return {
    median,
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    spread: median === 0 ? 0 : quartiles / 2 / Math.abs(median),
    values,
  };
}

/** The value below which a share `q` (0 to 1) of the ascending values lies, between two of them by proportion. */
export function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError('the quantile of no values');
  return below + (above - below) * (position % 1);
}
