import type { Demand, Resources, TaskInfo } from '@mesos-ts/protocol';

/**
 * What a framework still waits for: what it said last, less what it has launched since. This is the only place where that is
 * counted. Every leader is told all of it with the registration, and of every change, so that whichever leads, and whatever
 * was lost on the way, offers follow what was said last here.
 *
 * The leader could not count: what a framework needs in all, a new leader knows only when all agents with its tasks are
 * back, and would offer all of that a second time until then. Nor does a task that fails count up again: whether it is to be
 * run once more, only its framework knows, and says so.
 */
export class OpenDemands {
  #open: readonly Demand[] | undefined;
  /** What was told by the registrations since the last answer: any of them may be the one that is answered. */
  readonly #told = new Set<readonly Demand[] | undefined>();

  /** Replaces all. Undefined: it takes whatever there is. */
  say(demands: readonly Demand[] | undefined): void {
    this.#open = demands === undefined ? undefined : [...demands];
  }

  /** As messages carry it. */
  get body(): { readonly demands?: readonly Demand[] } {
    return this.#open === undefined ? {} : { demands: this.#open };
  }

  /** The same, with a registration. */
  tell(): { readonly demands?: readonly Demand[] } {
    this.#told.add(this.#open);
    return this.body;
  }

  /** A registration is answered. @returns whether it may have told something else than what is so now. */
  answered(): boolean {
    const isOutdated = [...this.#told].some((told) => told !== this.#open);
    this.#told.clear();
    return isOutdated;
  }

  /**
   * Tasks are launched in that role, each of which is one that was waited for: of the smallest shape that holds it, without
   * its executor, which may be there already. Of shapes that cannot be compared, of the first.
   *
   * @returns whether less is waited for now.
   */
  launched(role: string, tasks: readonly TaskInfo[]): boolean {
    const before = this.#open;
    for (const { resources } of tasks) {
      const demand = smallest((this.#open ?? []).filter((one) => one.role === role && holds(one, resources)));
      if (demand !== undefined) this.#open = (this.#open ?? []).flatMap((one) => (one === demand ? less(one) : [one]));
    }
    return this.#open !== before;
  }
}

function less(demand: Demand): Demand[] {
  return demand.count === 1 ? [] : [{ ...demand, count: demand.count - 1 }];
}

function holds({ shape }: Demand, resources: Resources): boolean {
  const amounts = new Map<string, number>();
  for (const resource of resources)
    if ('scalar' in resource) amounts.set(resource.name, (amounts.get(resource.name) ?? 0) + resource.scalar);
  return [...amounts].every(([name, amount]) => amount <= (shape[name] ?? 0));
}

function smallest(demands: readonly Demand[]): Demand | undefined {
  return demands.find((one) => !demands.some((other) => isWithin(other, one) && !isWithin(one, other)));
}

function isWithin(one: Demand, other: Demand): boolean {
  return Object.entries(one.shape).every(([name, amount]) => amount <= (other.shape[name] ?? 0));
}
