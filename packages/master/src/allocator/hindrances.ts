import type { Hindrance, Quantities } from './allocator.js';
import { type Client, fits, usableBy, type Wish } from './clients.js';
import type { GiftRules } from './gift.js';
import { type Amounts, addAll, lacking, type ScalarNames } from './scalar-names.js';
import type { SlaveBooks } from './slave-books.js';

/** One of the things that a client waits for, among all of them. */
export interface Wanted {
  readonly wishes: readonly Wish[];
  /** Which of them. */
  readonly at: number;
  /** Whether nobody has said so, so that nothing which the client holds in offers counts to it. */
  readonly isSupposed: boolean;
  /** What belongs to it, and is of a name that no agent has ever had. */
  readonly unknown?: Quantities;
}

/** What has to be in order before it matters how much there is. */
const unfit: ReadonlySet<Hindrance['why']> = new Set([
  ...(['framework-inactive', 'suppressed', 'agent-inactive', 'not-whitelisted'] as const),
  ...(['constraint', 'gpus', 'region'] as const),
]);

export interface HindrancesOptions {
  readonly rules: GiftRules;
  readonly names: ScalarNames;
  /** By the monotonic clock, in ms. */
  readonly now: number;
}

/** What stands in the way of one client, by the rules by which gifts are made. Good for one moment: nothing may change meanwhile. */
export class Hindrances {
  readonly #options: HindrancesOptions;
  readonly #wanted: Wanted | undefined;
  /** As if it waited for the one thing alone; for those before it and that; for those before it; for all. */
  readonly #alone: Client;
  readonly #upTo: Client;
  readonly #before: Client;
  readonly #all: Client;

  /** @param wanted undefined: whatever there is. */
  constructor(client: Client, wanted: Wanted | undefined, options: HindrancesOptions) {
    this.#options = options;
    this.#wanted = wanted;
    const { wishes = [], at = 0, isSupposed = false } = wanted ?? {};
    const waiting = (from: number, to: number): Client => ({ ...client, wishes: wishes.slice(from, to) });
    const offered = isSupposed ? [] : leftFor(client, wishes, at);
    this.#alone = wanted === undefined ? client : { ...waiting(at, at + 1), offered };
    this.#upTo = waiting(0, at + 1);
    this.#before = waiting(0, at);
    this.#all = waiting(0, wishes.length);
  }

  of(slave: SlaveBooks): Hindrance {
    const alone = this.#of(this.#alone, slave);
    const { wishes, unknown } = this.#wanted ?? {};
    if (unknown !== undefined) return this.#unknown(slave, unknown, alone);
    if (wishes === undefined || wishes.length === 1) return alone;
    // What it is given is of all that it waits for, and refused or not as a whole.
    const all = this.#of(this.#all, slave);
    if (all.why !== 'next') return alone.why === 'next' ? all : alone;
    if (this.#isGiven(slave)) return all;
    return alone.why === 'next' ? { why: 'earlier-demand' } : alone;
  }

  #of(client: Client, slave: SlaveBooks): Hindrance {
    if (!client.framework.active) return { why: 'framework-inactive' };
    if (client.suppressed) return { why: 'suppressed' };
    if (!slave.active) return { why: 'agent-inactive' };
    if (!slave.listed) return { why: 'not-whitelisted' };
    const { rules, now } = this.#options;
    const gift = rules.gift(slave, client);
    if (gift !== undefined) {
      const until = slave.refusals?.refusedUntil(0, client.number, gift, client.refusalsSince, now) ?? 0;
      return until > now ? { why: 'filtered', forMs: until - now } : { why: 'next' };
    }
    const found = rules.hindrance;
    if (found.why === 'region') return { ...found, region: slave.description.domain?.region ?? '' };
    return found.why === 'short' ? (this.#tooSmall(client, slave) ?? found) : found;
  }

  /** Where even all that the agent has would not do. */
  #tooSmall(client: Client, slave: SlaveBooks): Hindrance | undefined {
    const { names } = this.#options;
    const whole = names.scalars(usableBy(client, slave.whole));
    const wanted = client.wishes?.map(({ shape }) => shape) ?? client.minima;
    const least = wanted[0];
    if (least === undefined || wanted.some((one) => fits(whole, one) > 0)) return undefined;
    return { why: 'too-small', by: names.quantities(lacking(whole, least)) };
  }

  #unknown(slave: SlaveBooks, unknown: Quantities, alone: Hindrance): Hindrance {
    if (unfit.has(alone.why)) return alone;
    const { names } = this.#options;
    const whole = names.scalars(usableBy(this.#alone, slave.whole));
    const known = this.#alone.wishes?.[0]?.shape ?? [];
    return { why: 'too-small', by: { ...names.quantities(lacking(whole, known)), ...unknown } };
  }

  /** Whether it is a part of what is given of the agent to all: together with it, those before it are given more. */
  #isGiven(slave: SlaveBooks): boolean {
    const { rules, names } = this.#options;
    const upTo = names.scalars(rules.gift(slave, this.#upTo) ?? []);
    const before = names.scalars(rules.gift(slave, this.#before) ?? []);
    return upTo.some((amount, place) => amount > (before[place] ?? 0));
  }
}

/** What it holds in offers, without what counts to those before. */
function leftFor({ offered }: Client, wishes: readonly Wish[], at: number): Amounts {
  const left = [...offered];
  for (const { shape, count } of wishes.slice(0, at)) {
    const times = Math.min(count, fits(left, shape));
    if (times > 0)
      addAll(
        left,
        shape.map((amount) => amount * times),
        -1,
      );
  }
  return left;
}
