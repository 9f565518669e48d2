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

  /** @param held of one agent, by whom. @param offers those of that agent. */
  add(held: readonly { readonly frameworkId: FrameworkId }[], offers: readonly Offer[]): void {
    for (const [at, { frameworkId }] of held.entries())
      if (held.findIndex((one) => one.frameworkId === frameworkId) === at) this.#count(frameworkId, offers);
  }

  #count(frameworkId: FrameworkId, offers: readonly Offer[]): void {
    const holder = this.#byId.get(frameworkId) ?? { frameworkId, some: [], offers: 0, using: 0 };
    if (holder.offers + holder.using === 0) this.#byId.set(frameworkId, holder);
    let own = 0;
    for (const offer of offers) {
      if (offer.frameworkId !== frameworkId) continue;
      own++;
      if (holder.some.length < offersMax) holder.some.push(offer.id);
    }
    holder.offers += own;
    if (own === 0) holder.using++;
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
