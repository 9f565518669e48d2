import {
  addResources,
  equalResources,
  type FrameworkId,
  isEmpty,
  isRevocable,
  type Resources,
  regularResources,
  revocableResources,
  type SlaveId,
  subtractResources,
  unreservedRole,
} from '@mesos-ts/protocol';
import type { SlaveDescription, Usage } from './allocator.js';
import type { Refusals } from './refusals.js';
import { type Amounts, type ScalarNames, sum } from './scalar-names.js';
import type { Wake } from './wakes.js';

/** What one framework holds of an agent in one role. */
export interface Holding {
  frameworkId: FrameworkId;
  role: string;
  resources: Resources;
  /** How much of it is in offers; never changed, but replaced. */
  offered: Amounts;
}

const nothing: Amounts = [];
const noHoldings: Holding[] = [];
const noResources: Resources = [];

/** The books of one agent: each resource is free or held by one framework in one role. */
export class SlaveBooks {
  readonly id: SlaveId;
  readonly description: SlaveDescription;
  readonly #hasReserved: boolean;
  readonly hasGpus: boolean;
  readonly #names: ScalarNames;
  /** The scalars of all that it has, and those that are reserved for nobody. */
  readonly #whole: Amounts;
  readonly #wholeUnreserved: Amounts;
  /** So few that they are found by looking at each. Replaced, and never changed, before there is one. */
  #holdings = noHoldings;
  /** One that is over, for the next: what lives long is not to be made anew for every offer. */
  #spare: Holding | undefined;
  #free: Resources;
  #oversubscribed: Resources;
  #lent = noResources;
  #scalars = nothing;
  #unreserved = nothing;
  active = true;
  listed = true;
  /** Whether it is in another region than the master. */
  readonly isRemote: boolean;
  refusals: Refusals | undefined;
  /** When it is to be looked at again because a refusal runs out. */
  wake: Wake | undefined;
  /** False once it was removed. */
  known = true;

  /** @throws {ResourcesError} where more is used than there is. */
  constructor(id: SlaveId, description: SlaveDescription, used: readonly Usage[], names: ScalarNames, region?: string) {
    const { total, oversubscribed = noResources, domain } = description;
    this.id = id;
    this.description = description;
    this.#names = names;
    this.#free = total;
    this.#oversubscribed = oversubscribed;
    this.#hasReserved = total.some(({ role }) => role !== unreservedRole);
    this.hasGpus = total.some(({ name }) => name === 'gpus');
    this.isRemote = region !== undefined && domain !== undefined && domain.region !== region;
    this.#whole = names.shared(names.scalars(total));
    this.#wholeUnreserved = this.#hasReserved ? names.shared(names.scalars(total, true)) : this.#whole;
    for (const { frameworkId, role, resources } of used) this.#hold(frameworkId, role, resources);
    let free = total;
    let lends = !isEmpty(oversubscribed);
    for (const { resources } of this.#holdings) {
      const regular = regularResources(resources);
      if (regular !== resources) lends = true;
      free = subtractResources(free, regular);
    }
    this.#setFree(lends ? this.#withLoan(free) : free);
  }

  get free(): Resources {
    return this.#free;
  }

  /** The scalars that are free. */
  get scalars(): Amounts {
    return this.#scalars;
  }

  /** Those that are free, reserved for nobody, and not revocable. */
  get unreserved(): Amounts {
    return this.#unreserved;
  }

  /** Whether everybody may have all of it: nothing is reserved or lent. */
  get isPlain(): boolean {
    return !this.#hasReserved && this.#lent === noResources;
  }

  /** Whether nothing is free but what is lent. */
  get isOnlyLent(): boolean {
    return this.#lent !== noResources && this.#free.every(isRevocable);
  }

  /** All that would be free if it were idle. */
  get whole(): Resources {
    const { total } = this.description;
    return isEmpty(this.#oversubscribed) ? total : addResources(total, this.#oversubscribed);
  }

  /** What it may lend, on top of what it has. */
  get oversubscribed(): Resources {
    return this.#oversubscribed;
  }

  /** That, and what is still held beyond it of what it lent before. The very same list while that is the same. */
  get lent(): Resources {
    return this.#lent;
  }

  /** What {@link lent} would be. @throws {ResourcesError} OVERFLOW where it is beyond what can be counted. */
  lentOf(oversubscribed: Resources): Resources {
    return addResources(oversubscribed, beyond(this.#borrowed(), oversubscribed));
  }

  /** What is free of it changes; what is held stays so. */
  lend(oversubscribed: Resources): void {
    this.#oversubscribed = oversubscribed;
    this.#setFree(this.#withLoan(this.#free));
  }

  /** Of a part of what it has. */
  scalarsOf(resources: Resources): Amounts {
    return resources === this.description.total ? this.#whole : this.#names.scalars(resources);
  }

  /** Those of them that are reserved for nobody, and not revocable; the very same where all are. */
  unreservedOf(resources: Resources, scalars: Amounts): Amounts {
    return this.isPlain ? scalars : this.#names.scalars(resources, true);
  }

  get isOffered(): boolean {
    return this.active && this.listed && this.known;
  }

  get holdings(): Iterable<Holding> {
    return this.#holdings;
  }

  /** Takes a part of what is free. @throws {ResourcesError} where it is not. */
  give(frameworkId: FrameworkId, role: string, gift: Resources, scalars: Amounts): void {
    const left = gift === this.#free ? noResources : subtractResources(this.#free, gift);
    const holding = this.#hold(frameworkId, role, gift);
    holding.offered = holding.offered.length === 0 ? scalars : sum(holding.offered, scalars, 1);
    this.#setFree(left);
  }

  /**
   * Gives back a part of what is held. @returns how much of it counts off from what is in offers.
   * @throws {ResourcesError} where it is not.
   */
  takeBack(
    frameworkId: FrameworkId,
    role: string,
    resources: Resources,
    scalars: Amounts,
    fromOffers: boolean,
  ): Amounts {
    const holding = this.#holdingOf(frameworkId, role);
    const held = holding?.resources ?? noResources;
    const left = held === resources ? noResources : subtractResources(held, resources);
    const counted = fromOffers && holding !== undefined ? this.use(frameworkId, role, scalars) : nothing;
    if (holding !== undefined) {
      holding.resources = left;
      if (isEmpty(left)) this.#release(holding);
    }
    const isIdle = this.#holdings.length === 0;
    const free = isIdle ? this.description.total : addResources(this.#free, regularResources(resources));
    this.#setFree(this.#lent === noResources ? free : this.#withLoan(free));
    return counted;
  }

  /** What was in offers is so no more. @returns how much that was. */
  use(frameworkId: FrameworkId, role: string, scalars: Amounts): Amounts {
    const holding = this.#holdingOf(frameworkId, role);
    if (holding === undefined) return nothing;
    const { offered } = holding;
    if (offered === scalars) {
      holding.offered = nothing;
      return scalars;
    }
    const counted = scalars.map((amount, place) => Math.min(amount, offered[place] ?? 0));
    holding.offered = sum(offered, counted, -1);
    return counted;
  }

  #hold(frameworkId: FrameworkId, role: string, resources: Resources): Holding {
    const known = this.#holdingOf(frameworkId, role);
    if (known !== undefined) {
      known.resources = addResources(known.resources, resources);
      return known;
    }
    const holding: Holding = this.#spare ?? { frameworkId, role, resources, offered: nothing };
    if (this.#spare !== undefined) {
      holding.frameworkId = frameworkId;
      holding.role = role;
      holding.resources = resources;
      holding.offered = nothing;
      this.#spare = undefined;
    }
    if (this.#holdings === noHoldings) this.#holdings = [holding];
    else this.#holdings.push(holding);
    return holding;
  }

  #release(holding: Holding): void {
    const last = this.#holdings.pop() as Holding;
    if (last !== holding) this.#holdings[this.#holdings.indexOf(holding)] = last;
    this.#spare = holding;
  }

  #holdingOf(frameworkId: FrameworkId, role: string): Holding | undefined {
    for (const holding of this.#holdings)
      if (holding.frameworkId === frameworkId && holding.role === role) return holding;
    return undefined;
  }

  /** What is free, with as much as may be lent and is not; notes what is {@link lent}. */
  #withLoan(free: Resources): Resources {
    const lent = this.lentOf(this.#oversubscribed);
    if (!equalResources(lent, this.#lent)) this.#lent = isEmpty(lent) ? noResources : lent;
    return addResources(regularResources(free), beyond(this.#oversubscribed, this.#borrowed()));
  }

  /** What is held of what it lends. */
  #borrowed(): Resources {
    return this.#holdings.reduce((all, { resources }) => addResources(all, revocableResources(resources)), noResources);
  }

  #setFree(free: Resources): void {
    const isAll = free === this.description.total;
    this.#free = free;
    if (isAll || isEmpty(free)) {
      this.#scalars = isAll ? this.#whole : nothing;
      this.#unreserved = isAll ? this.#wholeUnreserved : nothing;
      return;
    }
    this.#scalars = this.#names.scalars(free);
    this.#unreserved = this.unreservedOf(free, this.#scalars);
  }
}

/** How much more of each there is in the first than in the second; both are revocable. */
function beyond(resources: Resources, others: Resources): Resources {
  return resources.flatMap((resource) => {
    const other = others.find(({ name }) => name === resource.name);
    if (!('scalar' in resource) || other === undefined || !('scalar' in other)) return [resource];
    const scalar = resource.scalar - other.scalar;
    return scalar > 0 ? [{ ...resource, scalar }] : [];
  });
}
