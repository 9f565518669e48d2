import assert from 'node:assert/strict';
import type { Resource, Resources } from '@mesos-ts/protocol';

/** An amount of a scalar, in thousandths, or one single port or item. */
export interface Part {
  readonly name: string;
  /** Whom it is reserved for; `*` for nobody. */
  readonly role: string;
  readonly item?: number | string;
  readonly amount: number;
  /** Only lent. */
  readonly revocable?: true;
}

/** Resources laid out part by part, each port for itself: slow, and plain to reckon with. */
export type Pile = ReadonlyMap<string, Part>;

export function pileOf(resources: Resources): Pile {
  const parts: Part[] = [];
  for (const { name, role, ...value } of resources) {
    if ('scalar' in value) {
      const { scalar: amount, ...mark } = value;
      parts.push({ name, role, amount, ...mark });
    } else if ('set' in value) for (const item of value.set) parts.push({ name, role, item, amount: 1 });
    else
      for (const [begin, end] of value.ranges)
        for (let item = begin; item <= end; item++) parts.push({ name, role, item, amount: 1 });
  }
  return pile(parts);
}

/** @param parts none of them twice; what is 0 is left out. */
export function pile(parts: readonly Part[]): Pile {
  return new Map(parts.filter(({ amount }) => amount > 0).map((part) => [keyOf(part), part]));
}

export function resourcesOf(of: Pile): Resources {
  const resources = new Map<string, Resource>();
  for (const { name, role, item, amount, revocable } of [...of.values()].sort(byItem)) {
    const key = `${name}(${role})${revocable ? '{REV}' : ''}`;
    const before = resources.get(key);
    if (item === undefined) resources.set(key, { name, role, scalar: amount, ...(revocable ? { revocable } : {}) });
    else if (typeof item === 'string')
      resources.set(key, { name, role, set: [...(before !== undefined && 'set' in before ? before.set : []), item] });
    else
      resources.set(key, {
        name,
        role,
        ranges: extended(before !== undefined && 'ranges' in before ? before.ranges : [], item),
      });
  }
  return [...resources.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, resource]) => resource);
}

export function plus(a: Pile, b: Pile): Pile {
  const sum = new Map(a);
  for (const [key, part] of b) {
    const before = sum.get(key)?.amount ?? 0;
    if (part.item !== undefined) assert.equal(before, 0, `${key} is there twice`);
    sum.set(key, { ...part, amount: before + part.amount });
  }
  return sum;
}

export function minus(a: Pile, b: Pile): Pile {
  const rest = new Map(a);
  for (const [key, part] of b) {
    const left = (rest.get(key)?.amount ?? 0) - part.amount;
    assert.ok(left >= 0, `${key} would be ${left}`);
    if (left === 0) rest.delete(key);
    else rest.set(key, { ...part, amount: left });
  }
  return rest;
}

/** What there is more of in the first than in the second. */
export function beyond(a: Pile, b: Pile): Pile {
  return pile([...a].map(([key, part]) => ({ ...part, amount: part.amount - (b.get(key)?.amount ?? 0) })));
}

/** Whether all of `part` is in `whole`, in the same roles. */
export function covers(whole: Pile, part: Pile): boolean {
  for (const [key, { amount }] of part) if ((whole.get(key)?.amount ?? 0) < amount) return false;
  return true;
}

export function same(a: Pile, b: Pile): boolean {
  return covers(a, b) && covers(b, a);
}

/** The parts that are as wanted, scalars first, then ports and items from the beginning. */
export function partsOf(of: Pile, wanted: (part: Part) => boolean): Part[] {
  return [...of.values()].filter(wanted).sort(byItem);
}

/** The thousandths of a scalar over all roles, regular and revocable. */
export function amountOf(of: Pile, name: string): number {
  let sum = 0;
  for (const part of of.values()) if (part.name === name && part.item === undefined) sum += part.amount;
  return sum;
}

/** The thousandths of all scalars over all roles, regular and revocable. */
export function scalarsOf(of: Pile): Map<string, number> {
  const sums = new Map<string, number>();
  for (const part of of.values()) if (isScalar(part)) sums.set(part.name, (sums.get(part.name) ?? 0) + part.amount);
  return sums;
}

export function isScalar(part: Part): boolean {
  return part.item === undefined;
}

export function isReserved(part: Part): boolean {
  return part.role !== '*';
}

export function isRevocable(part: Part): boolean {
  return part.revocable === true;
}

/** What quota is about: neither reserved nor revocable. */
export function isUnreserved(part: Part): boolean {
  return !isReserved(part) && !isRevocable(part);
}

function keyOf({ name, role, item, revocable }: Part): string {
  const kind = `${name}(${role})${revocable ? '{REV}' : ''}`;
  return item === undefined ? kind : `${kind}/${item}`;
}

function byItem(a: Part, b: Part): number {
  if (typeof a.item === 'number' && typeof b.item === 'number') return a.item - b.item;
  const [first, second] = [String(a.item ?? ''), String(b.item ?? '')];
  return first < second ? -1 : first > second ? 1 : 0;
}

type Ranges = readonly (readonly [number, number])[];

function extended(ranges: Ranges, item: number): [number, number][] {
  const before = ranges.map(([begin, end]): [number, number] => [begin, end]);
  const last = before.at(-1);
  if (last !== undefined && last[1] === item - 1) return [...before.slice(0, -1), [last[0], item]];
  return [...before, [item, item]];
}
