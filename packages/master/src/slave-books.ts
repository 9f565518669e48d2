import {
  addResources,
  type FrameworkId,
  isEmpty,
  type Resources,
  resourcesForRole,
  type SlaveId,
  subtractResources,
  unreservedRole,
} from '@mesos-ts/protocol';
import type { SlaveDescription, Usage } from './allocator.js';
import type { Refusals } from './refusals.js';
import { type Amounts, addAll, type ScalarNames } from './scalar-names.js';

/** What one framework holds of an agent in one role. */
export interface Holding {
  readonly frameworkId: FrameworkId;
  readonly role: string;
  resources: Resources;
  /** How much of it is in offers. */
  readonly offered: Amounts;
}

/** The books of one agent: each resource is free or held by one framework in one role. */
export class SlaveBooks {
  readonly id: SlaveId;
  readonly description: SlaveDescription;
  /** Whether anything is reserved, so that not everybody may have all of it. */
  readonly hasReserved: boolean;
  readonly hasGpus: boolean;
  readonly #names: ScalarNames;
  readonly #holdings = new Map<string, Holding>();
  #free: Resources;
  #scalars: Amounts = [];
  #unreserved: Amounts = [];
  active = true;
  listed = true;
  /** Whether it is in another region than the master. */
  readonly isRemote: boolean;
  refusals: Refusals | undefined;
  /** When it is to be looked at again because a refusal runs out. */
  wakeAt = Number.POSITIVE_INFINITY;
  /** False once it was removed. */
  known = true;

  /** @throws {ResourcesError} where more is used than there is. */
  constructor(id: SlaveId, description: SlaveDescription, used: readonly Usage[], names: ScalarNames, region?: string) {
    const { total, domain } = description;
    this.id = id;
    this.description = description;
    this.#names = names;
    this.#free = total;
    this.hasReserved = total.some(({ role }) => role !== unreservedRole);
    this.hasGpus = total.some(({ name }) => name === 'gpus');
    this.isRemote = region !== undefined && domain !== undefined && domain.region !== region;
    for (const { frameworkId, role, resources } of used) this.#hold(frameworkId, role, resources);
    let free = total;
    for (const { resources } of this.#holdings.values()) free = subtractResources(free, resources);
    this.#setFree(free);
  }

  get free(): Resources {
    return this.#free;
  }

  /** The scalars that are free. */
  get scalars(): Amounts {
    return this.#scalars;
  }

  /** Those that are free and reserved for nobody. */
  get unreserved(): Amounts {
    return this.#unreserved;
  }

  /** All that it has for a role. */
  totalFor(role: string): Resources {
    return resourcesForRole(this.description.total, role);
  }

  get isOffered(): boolean {
    return this.active && this.listed && this.known;
  }

  get holdings(): Iterable<Holding> {
    return this.#holdings.values();
  }

  /** Takes a part of what is free. @throws {ResourcesError} where it is not. */
  give(frameworkId: FrameworkId, role: string, gift: Resources, scalars: Amounts): void {
    const left = gift === this.#free ? [] : subtractResources(this.#free, gift);
    addAll(this.#hold(frameworkId, role, gift).offered, scalars, 1);
    this.#setFree(left);
  }

  /**
   * Gives back a part of what is held. @returns how much of it counts off from what is in offers.
   * @throws {ResourcesError} where it is not.
   */
  takeBack(frameworkId: FrameworkId, role: string, resources: Resources, fromOffers: boolean): Amounts {
    const key = keyOf(frameworkId, role);
    const holding = this.#holdings.get(key);
    const left = subtractResources(holding?.resources ?? [], resources);
    const free = addResources(this.#free, resources);
    const counted = fromOffers && holding !== undefined ? this.use(frameworkId, role, resources) : [];
    if (holding !== undefined) holding.resources = left;
    if (isEmpty(left)) this.#holdings.delete(key);
    this.#setFree(free);
    return counted;
  }

  /** What was in offers is so no more. @returns how much that was. */
  use(frameworkId: FrameworkId, role: string, resources: Resources): Amounts {
    const offered = this.#holdings.get(keyOf(frameworkId, role))?.offered;
    if (offered === undefined) return [];
    const counted = this.#names.scalars(resources).map((amount, place) => Math.min(amount ?? 0, offered[place] ?? 0));
    addAll(offered, counted, -1);
    return counted;
  }

  #hold(frameworkId: FrameworkId, role: string, resources: Resources): Holding {
    const key = keyOf(frameworkId, role);
    const known = this.#holdings.get(key);
    if (known !== undefined) {
      known.resources = addResources(known.resources, resources);
      return known;
    }
    const holding: Holding = { frameworkId, role, resources, offered: [] };
    this.#holdings.set(key, holding);
    return holding;
  }

  #setFree(free: Resources): void {
    this.#free = free;
    this.#scalars = this.#names.scalars(free);
    this.#unreserved = this.hasReserved ? this.#names.scalars(free, true) : this.#scalars;
  }
}

function keyOf(frameworkId: FrameworkId, role: string): string {
  return `${role} ${frameworkId}`;
}
