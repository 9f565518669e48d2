import assert from 'node:assert/strict';
import type { AllocationQuestion, Quantities } from '@mesos-ts/master';
import { scalarsOf } from './pile.js';
import type { Look, Reference } from './reference.js';
import { fits, fulfilled, type Wish } from './reference-gift.js';

/*
 * What an explanation is to say, found by really doing what it only supposes: a framework that is not there joins, one that
 * waits for something else says so, and afterwards all is as it was.
 */

/** The name of a framework that histories do not have. */
const newcomer = 'newcomer';

/** How an agent stands to each want of a framework in a role, of one that would come to the role, or to a supposed demand. */
export function looksOf(
  reference: Reference,
  { frameworkId, role = '', shape }: AllocationQuestion,
  slaveId: string,
  now: number,
): readonly Look[] {
  if (frameworkId === undefined) {
    reference.addFramework(newcomer, { roles: [role], gpuResources: true, regionAware: true });
    reference.activateFramework(newcomer);
    if (shape !== undefined) reference.requestResources(newcomer, [{ role, shape, count: 1 }]);
    const look = reference.look({ frameworkId: newcomer, role }, slaveId, now);
    reference.removeFramework(newcomer);
    return [look];
  }
  const asking = new Asking(reference, frameworkId, role, slaveId, now);
  return shape === undefined ? asking.ofAll() : [asking.of([asking.beyondOffers({ role, shape, count: 1 })])];
}

/** A framework in a role, of which the demands are others for a moment. */
class Asking {
  readonly #offered: ReadonlyMap<string, number>;

  constructor(
    readonly reference: Reference,
    readonly frameworkId: string,
    readonly role: string,
    readonly slaveId: string,
    readonly now: number,
  ) {
    const sum = new Map<string, number>();
    for (const one of reference.holdings)
      if (one.frameworkId === frameworkId && one.role === role)
        for (const [name, amount] of scalarsOf(one.offered)) sum.set(name, (sum.get(name) ?? 0) + amount);
    this.#offered = sum;
  }

  ofAll(): readonly Look[] {
    const { demands } = this.#framework;
    const wishes = demands?.filter((wish) => wish.role === this.role && wish.count > 0) ?? [];
    const all = this.reference.look(this, this.slaveId, this.now);
    if (wishes.length === 0) return [all];
    const outstanding = fulfilled(wishes, new Map(this.#offered));
    return wishes.map((wish, index) => {
      const alone = this.of([this.beyondOffers({ ...wish, count: wish.count - (outstanding[index] ?? 0) })]);
      if (!('gift' in all)) return 'gift' in alone ? all : alone;
      if (this.#sizeFor(wishes.slice(0, index + 1)) > this.#sizeFor(wishes.slice(0, index))) return all;
      return 'gift' in alone ? { why: 'earlier-demand' } : alone;
    });
  }

  of(demands: readonly Wish[]): Look {
    const framework = this.#framework;
    const { demands: before } = framework;
    framework.demands = [...demands];
    try {
      return this.reference.look(this, this.slaveId, this.now);
    } finally {
      framework.demands = before;
    }
  }

  /** How much it would be given, had it refused nothing: what counts is whether all of it together was refused. */
  #sizeFor(demands: readonly Wish[]): number {
    const { refusals } = this.reference;
    this.reference.refusals = [];
    try {
      const look = this.of(demands);
      return 'gift' in look ? [...scalarsOf(look.gift).values()].reduce((sum, amount) => sum + amount, 0) : 0;
    } finally {
      this.reference.refusals = refusals;
    }
  }

  /** So that what is in offers counts to none of them. */
  beyondOffers({ role, shape, count }: { role: string; shape: Quantities; count: number }): Wish {
    return { role, shape, count: count + fits(shape, this.#offered) };
  }

  get #framework() {
    const framework = this.reference.frameworks.get(this.frameworkId);
    assert.ok(framework !== undefined);
    return framework;
  }
}
