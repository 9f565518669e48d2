import { RestartBudget } from './restart-budget.js';
import type { SpawnOptions, Supervision } from './spawn-options.js';

/** What is to become of a process that failed. */
export type Verdict = 'stop' | 'escalate' | { readonly restartInMs: number };

/** Decides what becomes of one process when it fails. Knows no clock: it is told what time it is. */
export class Supervisor {
  readonly #otherwise: 'stop' | 'escalate';
  /** Only where it is restarted. */
  readonly budget: RestartBudget | undefined;

  /** @returns none for `stop`, which needs none. @throws {RangeError} naming the option that cannot be. */
  static of({ supervision = 'stop' }: SpawnOptions): Supervisor | undefined {
    return supervision === 'stop' ? undefined : new Supervisor(supervision);
  }

  private constructor(supervision: Exclude<Supervision, 'stop'>) {
    const options = supervision === 'restart' ? {} : supervision;
    this.budget = options === 'escalate' ? undefined : new RestartBudget(options);
    this.#otherwise = options === 'escalate' ? 'escalate' : (options.thereafter ?? 'stop');
  }

  verdict(nowMs: number): Verdict {
    const restartInMs = this.budget?.grant(nowMs);
    return restartInMs === undefined ? this.#otherwise : { restartInMs };
  }
}
