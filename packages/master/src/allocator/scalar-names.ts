import { isRevocable, type Resource, type Resources, unreservedRole } from '@mesos-ts/protocol';
import type { Quantities } from './allocator.js';

/** Thousandths of scalars, each at the place of its name; what is beyond the end is none. */
export type Amounts = number[];

/** So many kinds of agents are told apart at once; those that come after them share among themselves. */
const keptMax = 1_000;

/** Gives every name of a scalar its place in {@link Amounts}. */
export class ScalarNames {
  readonly #places = new Map<string, number>();
  readonly #names: string[] = [];
  /** By what they say. */
  readonly #kept = new Map<string, Amounts>();

  /** How many there are. */
  get count(): number {
    return this.#names.length;
  }

  place(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    this.#places.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  name(place: number): string {
    return this.#names[place] ?? '';
  }

  amounts(quantities: Quantities): Amounts {
    const amounts: Amounts = [];
    for (const [name, amount] of Object.entries(quantities)) add(amounts, this.place(name), amount);
    return amounts;
  }

  /** Only what is not nothing. */
  quantities(amounts: Amounts): Quantities {
    const quantities: Record<string, number> = {};
    amounts.forEach((amount, place) => {
      if (amount > 0) quantities[this.name(place)] = amount;
    });
    return quantities;
  }

  /** Of a canonical list, regular and revocable together; of what is {@link isForAnybody} alone, if that is asked for. */
  scalars(resources: Resources, unreservedOnly = false): Amounts {
    const amounts: Amounts = [];
    for (const resource of resources)
      if ('scalar' in resource && (!unreservedOnly || isForAnybody(resource)))
        add(amounts, this.place(resource.name), resource.scalar);
    return amounts;
  }

  /** The same amounts, which must not be changed, as one list for all agents that are alike: so they are soon at hand. */
  shared(amounts: Amounts): Amounts {
    const text = amounts.join();
    const kept = this.#kept.get(text);
    if (kept !== undefined) return kept;
    if (this.#kept.size === keptMax) this.#kept.clear();
    this.#kept.set(text, amounts);
    return amounts;
  }
}

/** Whether it is neither reserved nor revocable: only that is unreserved for quota. */
function isForAnybody(resource: Resource): boolean {
  return resource.role === unreservedRole && !isRevocable(resource);
}

/** Adds to one of the amounts. */
export function add(amounts: Amounts, place: number, amount: number): void {
  while (amounts.length < place) amounts.push(0);
  amounts[place] = (amounts[place] ?? 0) + amount;
}

/** Adds all, or takes them away. */
export function addAll(amounts: Amounts, more: Amounts, sign: 1 | -1): void {
  while (amounts.length < more.length) amounts.push(0);
  for (let place = 0; place < more.length; place++)
    amounts[place] = (amounts[place] as number) + sign * (more[place] as number);
}

/** Both together, or what is left; neither of them changes. */
export function sum(amounts: Amounts, more: Amounts, sign: 1 | -1): Amounts {
  const both = [...amounts];
  addAll(both, more, sign);
  return both;
}

export function isNone(amounts: Amounts): boolean {
  return amounts.every((amount) => amount === 0);
}

/** Whether there is something of one name in both. */
export function haveCommon(a: Amounts, b: Amounts): boolean {
  for (let place = 0; place < a.length; place++) if ((a[place] as number) > 0 && (b[place] ?? 0) > 0) return true;
  return false;
}

/** Whether there is at least that much of everything. */
export function covers(amounts: Amounts, least: Amounts): boolean {
  for (let place = 0; place < least.length; place++) if ((amounts[place] ?? 0) < (least[place] as number)) return false;
  return true;
}

/** What is lacking to {@link covers}. */
export function lacking(amounts: Amounts, least: Amounts): Amounts {
  return least.map((amount, place) => Math.max(0, amount - (amounts[place] ?? 0)));
}
