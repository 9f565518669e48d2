import type { BodyOf } from '@mesos-ts/process';
import {
  addResources,
  containsResources,
  equalResources,
  formatResources,
  isRevocable,
  normalize,
  type Offer,
  type Resources,
  ResourcesError,
  resourceLabel,
  revocableResources,
  scalarTotals,
  type UpdateSlave,
} from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import { type Books, usagesOf } from './books.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';

/**
 * What agents lend on top of what they have (Mesos facts 4.7). When one lends less than before, the offers that hold what it
 * lends no more are rescinded; what tasks use of it goes on.
 */
export class Oversubscription {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #offers: Pick<OfferLifecycle, 'rescindFound'>;

  constructor(acts: MasterActs, books: Books, offers: Pick<OfferLifecycle, 'rescindFound'>) {
    this.#acts = acts;
    this.#books = books;
    this.#offers = offers;
  }

  /** The agent says what it lends from now on. */
  updated(agent: Agent, body: BodyOf<typeof UpdateSlave>): void {
    const estimate = this.#readable(agent, body.oversubscribed);
    const known = agent.oversubscribed;
    if (estimate === undefined || equalResources(estimate, known)) return;
    const [oversubscribed, before] = [estimate, known].map((lent) => formatResources(lent) || 'nothing');
    this.#acts.log.debug({ agent: agent.id, oversubscribed, before }, 'what an agent lends has changed');
    this.#books.lend(agent, estimate);
    if (containsResources(estimate, known)) return;
    this.#offers.rescindFound(() => offersBeyondLoan(agent, this.#books.offers.all(agent.offers)));
  }

  #readable(agent: Agent, resources: Resources): Resources | undefined {
    try {
      const estimate = allRevocable(normalize(resources));
      // The books hold both together, and could not hold ports that are a range and an amount.
      addResources(agent.info.resources, estimate);
      return estimate;
    } catch (error) {
      if (!(error instanceof ResourcesError)) throw error;
      this.#acts.counters.increment('estimates_unusable');
      this.#acts.log.warn({ agent: agent.id, why: error.message }, 'what it says that it lends cannot be used');
      return undefined;
    }
  }
}

function allRevocable(resources: Resources): Resources {
  const other = resources.find((resource) => !isRevocable(resource));
  if (other === undefined) return resources;
  throw new ResourcesError('RESOURCES_INVALID', `${resourceLabel(other)} is not revocable, and so cannot be lent`);
}

/** Those that hold something of which more is offered and used together than the agent lends. */
function offersBeyondLoan(agent: Agent, offers: readonly Offer[]): Offer[] {
  const borrowed = new Map<string, number>();
  for (const { resources } of [...usagesOf(agent), ...offers])
    for (const [name, amount] of loansIn(resources)) borrowed.set(name, (borrowed.get(name) ?? 0) + amount);
  const lends = loansIn(agent.oversubscribed);
  const isBeyond = (name: string): boolean => (borrowed.get(name) ?? 0) > (lends.get(name) ?? 0);
  return offers.filter(({ resources }) => [...loansIn(resources).keys()].some(isBeyond));
}

/** The thousandths of each scalar that is revocable. */
function loansIn(resources: Resources): ReadonlyMap<string, number> {
  return scalarTotals(revocableResources(resources));
}
