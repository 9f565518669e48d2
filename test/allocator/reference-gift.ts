import type { Quantities } from '@mesos-ts/master';
import {
  amountOf,
  isReserved,
  isRevocable,
  isScalar,
  isUnreserved,
  type Part,
  type Pile,
  partsOf,
  pile,
  scalarsOf,
} from './pile.js';

/*
 * How large a gift is. All of these take and return piles and look at nothing else.
 */

/** Of these alternatives one is enough. */
export const minAllocatableDefault: readonly Quantities[] = [{ cpus: 10 }, { mem: 32_000 }];

/** Whether it holds one of the alternatives; none are asked for by an empty list. */
export function isEnough(of: Pile, alternatives: readonly Quantities[]): boolean {
  if (of.size === 0) return false;
  return alternatives.length === 0 || alternatives.some((alternative) => fits(alternative, scalarsOf(of)) >= 1);
}

/** How many times a shape is in amounts. */
export function fits(shape: Quantities, amounts: ReadonlyMap<string, number>): number {
  const times = Object.entries(shape)
    .filter(([, amount]) => amount > 0)
    .map(([name, amount]) => Math.floor((amounts.get(name) ?? 0) / amount));
  return Math.min(...times);
}

/** What a framework waits for. */
export interface Wish {
  readonly role: string;
  readonly shape: Quantities;
  count: number;
}

/** How often each wish is fulfilled by amounts, one after the other. Takes that away from the amounts. */
export function fulfilled(wishes: readonly Wish[], amounts: Map<string, number>): readonly number[] {
  return wishes.map(({ shape, count }) => {
    const times = Math.min(count, fits(shape, amounts));
    for (const [name, amount] of Object.entries(shape)) amounts.set(name, (amounts.get(name) ?? 0) - times * amount);
    return times;
  });
}

/** Unreserved scalars cut down to the room that there is for them; undefined: room for any. */
export function cut(of: Pile, room: (name: string) => number | undefined): Pile {
  return pile(
    [...of.values()].map((part) => {
      if (!isScalar(part) || !isUnreserved(part)) return part;
      return { ...part, amount: Math.min(part.amount, room(part.name) ?? part.amount) };
    }),
  );
}

/** That much of the scalars, reserved ones first, then revocable ones; of all else everything. */
export function taken(of: Pile, amounts: ReadonlyMap<string, number>): Pile {
  const missing = new Map(amounts);
  const take = (part: Part): Part => {
    const amount = Math.min(part.amount, missing.get(part.name) ?? 0);
    missing.set(part.name, (missing.get(part.name) ?? 0) - amount);
    return { ...part, amount };
  };
  const scalars = partsOf(of, isScalar).sort((a, b) => rank(a) - rank(b) || (a.role < b.role ? -1 : 1));
  return pile([...scalars.map(take), ...partsOf(of, (part) => !isScalar(part))]);
}

/**
 * Of ports and items the part that goes along with the scalars: the larger one of the parts of cpus and of mem, rounded up,
 * from the beginning; all, where neither is free.
 */
export function inProportion(gift: Pile, free: Pile): Pile {
  const items = partsOf(gift, (part) => !isScalar(part));
  const lists = new Set(items.map(({ name, role }) => `${name} ${role}`));
  const kept = [...lists].flatMap((list) => {
    const mine = items.filter(({ name, role }) => `${name} ${role}` === list);
    const counts = ['cpus', 'mem']
      .filter((name) => amountOf(free, name) > 0)
      .map((name) => ceilOf(BigInt(mine.length) * BigInt(amountOf(gift, name)), BigInt(amountOf(free, name))));
    return mine.slice(0, counts.length === 0 ? mine.length : Math.max(...counts));
  });
  return pile([...partsOf(gift, isScalar), ...kept]);
}

function ceilOf(part: bigint, whole: bigint): number {
  return Number((part + whole - 1n) / whole);
}

function rank(part: Part): number {
  if (isReserved(part)) return 0;
  return isRevocable(part) ? 1 : 2;
}
