/** Durations in milliseconds, rates per second, memory in MiB. */
export type Unit = 'ms' | '1/s' | 'MiB' | 'count' | 'ratio';

/** Another way to do the same, measured in the same run on the same machine. */
export interface Baseline {
  readonly name: string;
  /** In the unit of the figure. */
  readonly value: number;
}

/** One number that a scenario found out. */
export interface Figure {
  /** Unique in the scenario and the same from run to run, such as `ask.p99`. */
  readonly id: string;
  readonly value: number;
  readonly unit: Unit;
  /** How far the repetitions lay apart, as {@link Repeated.spread} says; printed beside the value. */
  readonly spread?: number;
  /** What the project promises; the table and the JSON say whether it was met. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  readonly baseline?: Baseline;
}

/** Where a scenario puts what it finds. */
export interface Report {
  add(figure: Figure): void;
  /** One line on standard error about what is going on, for whoever waits. */
  progress(line: string): void;
}

/** A benchmark: one file in the folder scenarios, named as the scenario is, which exports it as `scenario`. */
export interface Scenario {
  readonly name: string;
  /** One line: what is measured, and against what. */
  readonly description: string;
  /** Measures and reports; leaves no process, connection or timer behind. */
  run(report: Report): Promise<void>;
}
