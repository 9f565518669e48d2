/** Durations in milliseconds, rates per second, memory in bytes or MiB. */
export type Unit = 'ms' | '1/s' | 'B/s' | 'B' | 'MiB' | 'count' | 'ratio' | 'exponent';

/** Another way to do the same, measured in the same run on the same machine. */
export interface Baseline {
  readonly name: string;
  /** In the unit of the figure. */
  readonly value: number;
}

/** What the project promises of a figure: every bound that is named must hold. */
export interface Target {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Bounds of the figure's ratio to its baseline. */
  readonly toBaseline?: { readonly atLeast: number } | { readonly atMost: number };
}

/** One number that a scenario found out. */
export interface Figure {
  /** Unique in the scenario and the same from run to run, such as `ask.p99`. */
  readonly id: string;
  /** Null where it could not be measured, which meets no target; `note` says why. */
  readonly value: number | null;
  readonly unit: Unit;
  /** How far the repetitions lay apart, as {@link Repeated.spread} says; printed beside the value. */
  readonly spread?: number;
  /** What the project promises; the table and the JSON say whether it was met. */
  readonly target?: Target;
  readonly baseline?: Baseline;
  /**
   * The figure in baselines, where that was found from pairs of runs one after the other: noise of the machine hits both
   * of a pair alike, so this is surer than value / baseline.value, which is what counts where it is absent.
   */
  readonly ratio?: number;
  /** A sentence for whoever reads the table: why it is missing, or where it was found. */
  readonly note?: string;
}

/** Where a scenario puts what it finds. */
export interface Report {
  add(figure: Figure): void;
  /** One line on standard error about what is going on, for whoever waits. */
  progress(line: string): void;
}

/** What of a scenario is to run, and how. */
export interface RunOptions {
  /** Whether the figure with this id is asked for. */
  wants(id: string): boolean;
  /** Profile what is measured, into this folder; undefined: do not. Slows it down. */
  readonly profileFolder: string | undefined;
}

/** A benchmark: one file in the folder scenarios, named as the scenario is, which exports it as `scenario`. */
export interface Scenario {
  readonly name: string;
  /** One line: what is measured, and against what. */
  readonly description: string;
  /** The ids that can be asked for one by one. */
  readonly ids: readonly string[];
  /** Measures and reports; leaves no process, connection or timer behind. */
  run(report: Report, options: RunOptions): Promise<void>;
}
