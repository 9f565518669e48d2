import type { FrameworkId, Offer, OfferId } from '@mesos-ts/protocol';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';

export interface OfferLeaseOptions {
  /** How long an offer may be out, in ms; 0: for ever. */
  readonly offerTimeoutMs: number;
  /** Tells the frameworks of offers that are void. */
  rescind(offers: readonly Offer[]): void;
}

/** As if it had declined with Mesos' default: without that it would be offered the same again, and others never. */
const refusal = { refuseSeconds: 5 };
/** How many are taken back in one turn. */
const expiredPerTurn = 1_000;
/** Those that were answered are cleared away when there are so many more of them than of the others. */
const slack = 1_024;

/**
 * Takes back offers that are neither used nor declined in time (`--offer-timeout`, Mesos facts 3.6): a framework that hangs
 * keeps nobody from what it was offered. All are out for the same time, so that they end in the order in which they were
 * made, and one timer does.
 */
export class OfferLease {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: OfferLeaseOptions;
  #queue: { readonly id: OfferId; readonly deadline: number }[] = [];
  #armed = false;

  constructor(acts: MasterActs, books: Books, options: OfferLeaseOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** These have just been made. */
  begin(offers: readonly Offer[]): void {
    const { offerTimeoutMs } = this.#options;
    if (offerTimeoutMs === 0) return;
    const deadline = this.#acts.clock.now() + offerTimeoutMs;
    for (const { id } of offers) this.#queue.push({ id, deadline });
    if (this.#queue.length > 2 * this.#books.offers.size + slack)
      this.#queue = this.#queue.filter(({ id }) => this.#books.offers.get(id) !== undefined);
    this.#arm();
  }

  #arm(): void {
    const [first] = this.#queue;
    if (this.#armed || first === undefined) return;
    this.#armed = true;
    this.#acts.delay(Math.max(0, first.deadline - this.#acts.clock.now()), () => {
      this.#armed = false;
      this.#expire();
      this.#arm();
    });
  }

  #expire(): void {
    const now = this.#acts.clock.now();
    let due = 0;
    const expired: Offer[] = [];
    for (const { id, deadline } of this.#queue) {
      if (deadline > now || expired.length === expiredPerTurn) break;
      due++;
      const offer = this.#books.offers.get(id);
      if (offer !== undefined) expired.push(offer);
    }
    this.#queue.splice(0, due);
    for (const offer of expired) this.#books.takeBack(offer, refusal);
    this.#note(expired);
    this.#options.rescind(expired);
  }

  #note(expired: readonly Offer[]): void {
    const byFramework = new Map<FrameworkId, number>();
    for (const { frameworkId } of expired) byFramework.set(frameworkId, (byFramework.get(frameworkId) ?? 0) + 1);
    for (const [framework, offers] of byFramework) {
      this.#acts.counters.increment('offers_expired', offers);
      const { offerTimeoutMs } = this.#options;
      this.#acts.log.warn({ framework, offers, offerTimeoutMs }, 'offers rescinded: neither used nor declined in time');
    }
  }
}
