import {
  addResources,
  type FrameworkInfo,
  isRevocable,
  type Quantities,
  type Resources,
  scalarTotals,
} from '@mesos-ts/protocol';
import type { SchedulerDriver } from './scheduler-driver.js';

/** A demand names no more. */
const countMax = 1_000_000;

export interface JobDemandOptions {
  readonly driver: SchedulerDriver;
  readonly framework: FrameworkInfo;
  readonly taskResources: Resources;
  readonly executorResources: Resources;
}

/**
 * Tells the cluster how many tasks of a job are still to be launched, each with an executor of its own, so that offers fit
 * them and all else is left to others. What is launched, the driver counts by itself. In several roles any of them will do,
 * and what is offered in vain goes back.
 *
 * Ports, sets and what is revocable cannot be waited for: a job that needs such takes whatever there is.
 */
export class JobDemand {
  readonly #options: JobDemandOptions;
  readonly #shape: Quantities | undefined;
  /** As the driver knows it. */
  #count: number | undefined;

  constructor(options: JobDemandOptions) {
    this.#options = options;
    const all = addResources(options.taskResources, options.executorResources);
    const isCountable = all.length > 0 && all.every((resource) => 'scalar' in resource && !isRevocable(resource));
    this.#shape = isCountable ? Object.fromEntries(scalarTotals(all)) : undefined;
  }

  /** So many tasks have been handed to the driver. */
  launched(tasks: number): void {
    if (this.#count !== undefined && this.#options.framework.roles.length === 1) this.#count -= tasks;
  }

  /** So many tasks are to be launched. */
  waiting(tasks: number): void {
    const shape = this.#shape;
    const count = Math.min(tasks, countMax);
    if (shape === undefined || count === this.#count) return;
    this.#count = count;
    const { driver, framework } = this.#options;
    driver.requestResources(count === 0 ? [] : framework.roles.map((role) => ({ role, shape, count })));
  }
}
