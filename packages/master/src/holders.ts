import type { FrameworkId, HolderExplained, Offer, OfferId } from '@mesos-ts/protocol';

/** So many holders are told, and so many offers of each. */
const holdersMax = 5;
const offersMax = 3;

interface Holder {
  readonly frameworkId: FrameworkId;
  readonly some: OfferId[];
  offers: number;
  using: number;
}

/** Who holds what is not free on some agents. */
export class Holders {
  readonly #byId = new Map<FrameworkId, Holder>();

  /** @param held of one agent, by whom. @param offers those of that agent: there may be very many small ones. */
  add(held: readonly { readonly frameworkId: FrameworkId }[], offers: readonly Offer[]): void {
    if (held.length === 0) return;
    const offersOf = new Map<FrameworkId, OfferId[]>(held.map(({ frameworkId }) => [frameworkId, []]));
    for (const { frameworkId, id } of offers) offersOf.get(frameworkId)?.push(id);
    for (const [frameworkId, own] of offersOf) this.#count(frameworkId, own);
  }

  #count(frameworkId: FrameworkId, offers: readonly OfferId[]): void {
    const holder = this.#byId.get(frameworkId) ?? { frameworkId, some: [], offers: 0, using: 0 };
    this.#byId.set(frameworkId, holder);
    holder.some.push(...offers.slice(0, offersMax - holder.some.length));
    holder.offers += offers.length;
    if (offers.length === 0) holder.using++;
  }

  /** Those first that hold the most. */
  told(): { holders: HolderExplained[]; holdersLeftOut: number } {
    const sorted = [...this.#byId.values()].sort((one, other) => weightOf(other) - weightOf(one));
    const holders = sorted.slice(0, holdersMax).map((holder) => ({ ...holder, some: [...holder.some] }));
    return { holders, holdersLeftOut: sorted.length - holders.length };
  }
}

function weightOf({ offers, using }: Holder): number {
  return offers + using;
}
