import type { FrameworkId, MasterId, Offer, OfferId, Resources } from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import type { Framework } from './frameworks.js';

/** The offers that are out: each holds its resources until it is used, declined or rescinded (Mesos facts 3.6). */
export class Offers {
  readonly #masterId: MasterId;
  readonly #byId = new Map<OfferId, Offer>();
  #minted = 0;

  constructor(masterId: MasterId) {
    this.#masterId = masterId;
  }

  get(id: OfferId): Offer | undefined {
    return this.#byId.get(id);
  }

  add(framework: Framework, agent: Agent, role: string, resources: Resources): Offer {
    const { hostname, attributes, domain } = agent.info;
    const offer: Offer = {
      id: `${this.#masterId}-O${this.#minted++}` as OfferId,
      frameworkId: framework.id,
      slaveId: agent.id,
      hostname,
      role,
      resources,
      executorIds: executorIdsOf(agent, framework.id),
      ...(attributes === undefined ? {} : { attributes }),
      ...(domain === undefined ? {} : { domain }),
    };
    this.#byId.set(offer.id, offer);
    framework.offers.add(offer.id);
    agent.offers.add(offer.id);
    return offer;
  }

  /** Takes an offer back, from whoever holds it. Its resources are the caller's to give back. */
  remove(offer: Offer, framework: Framework | undefined, agent: Agent | undefined): void {
    this.#byId.delete(offer.id);
    framework?.offers.delete(offer.id);
    agent?.offers.delete(offer.id);
  }

  /** Those among `ids` that are out. */
  all(ids: Iterable<OfferId>): Offer[] {
    return [...ids].map((id) => this.#byId.get(id)).filter((offer) => offer !== undefined);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** In the order in which they were made. */
  [Symbol.iterator](): IterableIterator<Offer> {
    return this.#byId.values();
  }
}

function executorIdsOf(agent: Agent, frameworkId: FrameworkId): Offer['executorIds'] {
  return [...agent.executors.values()]
    .filter((executor) => executor.frameworkId === frameworkId)
    .map((executor) => executor.info.executorId);
}
