import { isEmpty, isRevocable, type Range, type Resource, type Resources, unreservedRole } from '@mesos-ts/protocol';
import type { AttributeConstraint, Hindrance } from './allocator.js';
import { type Client, fits, usableBy } from './clients.js';
import { unmetConstraint } from './offer-constraints.js';
import type { Role, Roles } from './roles.js';
import { type Amounts, add, addAll, covers, isNone, lacking, type ScalarNames } from './scalar-names.js';
import type { SlaveBooks } from './slave-books.js';

export interface GiftRulesOptions {
  readonly names: ScalarNames;
  readonly roles: Roles;
  /** Of all agents. */
  readonly totals: Amounts;
  /** Free and unreserved on all agents that are offered. */
  readonly available: Amounts;
  /** How much of the cluster a framework may hold in offers, in thousandths. */
  readonly offerCap: number;
}

/** What stands in a gift's way, as far as it need not be put into words; see {@link GiftRules.hindrance}. */
export type Why = Exclude<
  Hindrance['why'],
  'next' | 'filtered' | 'too-small' | 'earlier-demand' | 'agent-inactive' | 'not-whitelisted'
>;

/**
 * What a framework in a role would be given of an agent, were it its turn (Mesos facts 4.2, 4.4, 4.6). Refusals, and whose
 * turn it is, are the caller's business.
 */
export class GiftRules {
  readonly #names: ScalarNames;
  readonly #roles: Roles;
  readonly #totals: Amounts;
  readonly #available: Amounts;
  readonly #offerCap: number;
  readonly #cpus: number;
  readonly #mem: number;
  #why: Why = 'short';
  #unmet: AttributeConstraint | undefined;
  #limiting: Role | undefined;
  #by: Amounts = [];
  #isLimited = false;
  #isHeldBack = false;

  constructor({ names, roles, totals, available, offerCap }: GiftRulesOptions) {
    this.#names = names;
    this.#roles = roles;
    this.#totals = totals;
    this.#available = available;
    this.#offerCap = offerCap;
    this.#cpus = names.place('cpus');
    this.#mem = names.place('mem');
  }

  /** Why {@link gift} gave nothing, the last time that it did. */
  get why(): Why {
    return this.#why;
  }

  /** Whether limits left less than is free, the last time that {@link gift} was asked: more of it may be given when they do not. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** Whether guarantees did. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** The same in words. */
  get hindrance(): Hindrance {
    const by = this.#names.quantities(this.#by);
    switch (this.#why) {
      case 'constraint':
        return { why: 'constraint', constraint: this.#unmet as AttributeConstraint };
      case 'limit':
        return { why: 'limit', role: this.#limiting?.path ?? '', by };
      case 'short':
      case 'guarantees':
        return { why: this.#why, by };
      case 'region':
        return { why: 'region', region: '' }; // which one, who asks knows
      default:
        return { why: this.#why };
    }
  }

  /** What the client would be given; undefined where that is nothing. */
  gift(slave: SlaveBooks, client: Client): Resources | undefined {
    this.#isLimited = false;
    this.#isHeldBack = false;
    if (!this.#mayHave(slave, client)) return undefined;
    const free = slave.isPlain ? slave.free : usableBy(client, slave.free);
    const scalars = slave.isPlain ? slave.scalars : this.#names.scalars(free);
    if (client.wishes !== undefined) return this.#shaped(slave, client, free, scalars);
    if (!this.#isEnough(scalars, client)) return this.#hinder('short', this.#shortBy(scalars, client));
    if (isEmpty(free)) return this.#hinder('short', []);
    if (!this.#roles.limited && !this.#roles.guaranteed) return this.#uncapped(client, free, scalars);
    const allowed = this.#allowed(slave, client.role);
    if (allowed === slave.unreserved) return this.#uncapped(client, free, scalars);
    const left = cutScalars(scalars, slave.unreserved, allowed);
    if (isNone(left) || !this.#isEnough(left, client)) return this.#hinderByQuota(slave, client, scalars);
    return this.#uncapped(client, this.#part(free, scalars, left), left);
  }

  /** Whether it is one of those for whom something of the agent is held back. */
  isGuaranteed(slave: SlaveBooks, role: Role): boolean {
    for (let place = 0; place < slave.unreserved.length; place++)
      if ((slave.unreserved[place] ?? 0) > 0 && this.#roles.heldBackFor(role, place) > 0) return true;
    return false;
  }

  #mayHave(slave: SlaveBooks, { constraints, framework: { description } }: Client): boolean {
    if (constraints !== undefined) {
      const unmet = unmetConstraint(constraints, slave.description);
      if (unmet !== undefined) {
        this.#unmet = unmet;
        this.#why = 'constraint';
        return false;
      }
    }
    if (slave.hasGpus && description.gpuResources !== true) this.#why = 'gpus';
    else if (slave.isRemote && description.regionAware !== true) this.#why = 'region';
    else return true;
    return false;
  }

  #isEnough(scalars: Amounts, { minima }: Client): boolean {
    if (minima.length === 0) return true;
    for (const least of minima) if (covers(scalars, least)) return true;
    return false;
  }

  #shortBy(scalars: Amounts, { minima }: Client): Amounts {
    return minima[0] === undefined ? [] : lacking(scalars, minima[0]);
  }

  /** What the client waits for, so often as it fits. */
  #shaped(slave: SlaveBooks, client: Client, free: Resources, scalars: Amounts): Resources | undefined {
    const wishes = client.wishes ?? [];
    const outstanding = [...client.offered];
    const allowed =
      this.#roles.limited || this.#roles.guaranteed ? this.#allowed(slave, client.role) : slave.unreserved;
    const left = allowed === slave.unreserved ? [...scalars] : cutScalars(scalars, slave.unreserved, allowed);
    const gift: Amounts = [];
    let waiting: Amounts | undefined;
    for (const { shape, count } of wishes) {
      const out = Math.min(count, fits(outstanding, shape));
      addTimes(outstanding, shape, -out);
      if (out === count) continue;
      waiting ??= shape;
      const times = Math.min(count - out, fits(left, shape));
      addTimes(left, shape, -times);
      addTimes(gift, shape, times);
    }
    if (waiting === undefined) return this.#hinder('no-demand', []);
    if (!isNone(gift)) return this.#uncapped(client, this.#part(free, scalars, gift), gift);
    if (fits(scalars, waiting) === 0) return this.#hinder('short', lacking(scalars, waiting));
    return this.#hinderByQuota(slave, client, scalars, waiting);
  }

  /** What of the unreserved scalars quota leaves to the role; the very same amounts where it leaves all. */
  #allowed(slave: SlaveBooks, role: Role): Amounts {
    let allowed = slave.unreserved;
    for (let place = 0; place < slave.unreserved.length; place++) {
      const amount = slave.unreserved[place] as number;
      if (amount === 0) continue;
      const [limited, unpromised] = [this.#roles.left(role, place).amount, this.#unpromised(role, place)];
      if (limited < amount) this.#isLimited = true;
      if (unpromised < amount) this.#isHeldBack = true;
      const most = Math.min(limited, unpromised);
      if (most >= amount) continue;
      if (allowed === slave.unreserved) allowed = [...allowed];
      allowed[place] = most;
    }
    return allowed;
  }

  /** What guarantees leave to the role in the whole cluster. */
  #unpromised(role: Role, place: number): number {
    if (!this.#roles.guaranteed) return Number.POSITIVE_INFINITY;
    const required = this.#roles.required[place] ?? 0;
    if (required === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, (this.#available[place] ?? 0) - required) + this.#roles.heldBackFor(role, place);
  }

  /** Says which of limits and guarantees was in the way: limits, where they alone would have been. */
  #hinderByQuota(slave: SlaveBooks, client: Client, scalars: Amounts, wanted?: Amounts): undefined {
    const limited = slave.unreserved.map((amount, place) =>
      Math.min(amount, this.#roles.left(client.role, place).amount),
    );
    const left = cutScalars(scalars, slave.unreserved, limited);
    const isEnough = wanted === undefined ? !isNone(left) && this.#isEnough(left, client) : fits(left, wanted) > 0;
    const least = wanted ?? client.minima[0] ?? [];
    if (isEnough) {
      const allowed = cutScalars(scalars, slave.unreserved, this.#allowed(slave, client.role));
      return this.#hinder('guarantees', lacking(allowed, least));
    }
    const short = least.findIndex((amount, place) => (left[place] ?? 0) < amount);
    this.#limiting = this.#roles.left(client.role, Math.max(0, short)).by;
    return this.#hinder('limit', lacking(left, least));
  }

  #uncapped(client: Client, gift: Resources, scalars: Amounts): Resources | undefined {
    const { framework } = client;
    if (this.#offerCap >= 1_000 || isNone(framework.offered)) return gift;
    for (let place = 0; place < scalars.length; place++) {
      const amount = scalars[place] as number;
      if (amount === 0) continue;
      const held = BigInt(amount + (framework.offered[place] ?? 0)) * 1_000n;
      if (held > BigInt(this.#totals[place] ?? 0) * BigInt(this.#offerCap)) return this.#hinder('cap', []);
    }
    return gift;
  }

  /**
   * A part of what is free: so much of the scalars, first what quota does not concern, and of ports and sets as large a part,
   * so that a small gift does not take them all.
   */
  #part(free: Resources, scalars: Amounts, gift: Amounts): Resources {
    const left = [...gift];
    const parts: Resource[] = [];
    for (const resource of free.toSorted((a, b) => rank(a) - rank(b))) {
      if (!('scalar' in resource)) parts.push(partOf(resource, this.#fraction(scalars, gift)));
      else {
        const place = this.#names.place(resource.name);
        const scalar = Math.min(resource.scalar, left[place] ?? 0);
        addAll(left, amountAt(place, scalar), -1);
        parts.push({ ...resource, scalar });
      }
    }
    const kept = parts.filter((part) => !isNothing(part));
    return kept.sort((a, b) => order(a.name, b.name) || order(a.role, b.role) || rank(b) - rank(a));
  }

  /** The larger one of those of cpus and mem; all where there is neither. */
  #fraction(scalars: Amounts, gift: Amounts): Fraction {
    let fraction: Fraction | undefined;
    for (const place of [this.#cpus, this.#mem]) {
      const [part, whole] = [BigInt(gift[place] ?? 0), BigInt(scalars[place] ?? 0)];
      if (whole > 0n && (fraction === undefined || part * fraction.whole > fraction.part * whole))
        fraction = { part, whole };
    }
    return fraction ?? { part: 1n, whole: 1n };
  }

  #hinder(why: Why, by: Amounts): undefined {
    this.#why = why;
    this.#by = by;
    return undefined;
  }
}

/** Reserved, revocable, and what is for anybody. */
function rank(resource: Resource): number {
  if (resource.role !== unreservedRole) return 0;
  return isRevocable(resource) ? 1 : 2;
}

interface Fraction {
  readonly part: bigint;
  readonly whole: bigint;
}

/** `scalars` without what of their unreserved part is not allowed. */
function cutScalars(scalars: Amounts, unreserved: Amounts, allowed: Amounts): Amounts {
  return scalars.map((amount, place) => amount - (unreserved[place] ?? 0) + (allowed[place] ?? 0));
}

function addTimes(amounts: Amounts, shape: Amounts, times: number): void {
  if (times === 0) return;
  for (let place = 0; place < shape.length; place++) add(amounts, place, times * (shape[place] as number));
}

function amountAt(place: number, amount: number): Amounts {
  const amounts: Amounts = [];
  add(amounts, place, amount);
  return amounts;
}

/** So large a part of its items, rounded up, from the lowest on. */
function partOf(resource: Exclude<Resource, { scalar: number }>, { part, whole }: Fraction): Resource {
  const share = (count: number): number => Number((BigInt(count) * part + whole - 1n) / whole);
  if ('set' in resource) return { ...resource, set: resource.set.slice(0, share(resource.set.length)) };
  let left = share(resource.ranges.reduce((sum, [begin, end]) => sum + end - begin + 1, 0));
  const ranges: Range[] = [];
  for (const [begin, end] of resource.ranges) {
    if (left <= 0) break;
    const last = Math.min(end, begin + left - 1);
    ranges.push([begin, last]);
    left -= last - begin + 1;
  }
  return { ...resource, ranges };
}

function isNothing(resource: Resource): boolean {
  if ('scalar' in resource) return resource.scalar === 0;
  return 'ranges' in resource ? resource.ranges.length === 0 : resource.set.length === 0;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
