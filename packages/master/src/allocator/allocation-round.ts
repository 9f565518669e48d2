import type { Random } from '@mesos-ts/process';
import type { Client } from './clients.js';
import type { SlaveBooks } from './slave-books.js';

/** How many clients may be looked at one by one, instead of walking through all. */
const fewClients = 32;

/** What is to be looked at since the last round began. */
export class Pending {
  slaves = new Set<SlaveBooks>();
  readonly clients = new Set<Client>();
  /** Everything. */
  all = false;

  get isNone(): boolean {
    return !this.all && this.slaves.size === 0 && this.clients.size === 0;
  }
}

/**
 * One look at what has changed: the agents that it takes, in an order by chance, first for guarantees and then for all. Those
 * that have not changed themselves are looked at for the few clients alone that have.
 */
export class AllocationRound {
  /** Undefined: all clients may have something of any agent. */
  readonly #few: readonly Client[] | undefined;
  readonly #changed: ReadonlySet<SlaveBooks>;
  readonly #random: Random;
  readonly #slaves: SlaveBooks[];
  #at = 0;
  #stage: 1 | 2;

  /** Takes all that is pending. @param free the agents of which anything is free. */
  constructor(pending: Pending, free: () => SlaveBooks[], random: Random, guaranteed: boolean) {
    const everything = pending.all || pending.clients.size > fewClients;
    this.#few = everything ? undefined : [...pending.clients];
    this.#changed = pending.slaves;
    this.#slaves = everything || pending.clients.size > 0 ? free() : [...pending.slaves];
    this.#random = random;
    this.#stage = guaranteed ? 1 : 2;
    pending.slaves = new Set();
    pending.clients.clear();
    pending.all = false;
  }

  /** Only those for whom something is held back are given anything. */
  get isForGuarantees(): boolean {
    return this.#stage === 1;
  }

  /** The next agent, drawn from those that are left; undefined when the round is over. */
  next(): SlaveBooks | undefined {
    const slaves = this.#slaves;
    if (this.#at === slaves.length && this.#stage === 1) {
      this.#stage = 2;
      this.#at = 0;
    }
    if (this.#at === slaves.length) return undefined;
    const drawn = this.#at + this.#random.integer(slaves.length - this.#at);
    const slave = slaves[drawn] as SlaveBooks;
    slaves[drawn] = slaves[this.#at] as SlaveBooks;
    slaves[this.#at++] = slave;
    return slave;
  }

  /** The clients for which the agent is looked at; undefined: all. */
  clientsFor(slave: SlaveBooks): readonly Client[] | undefined {
    return this.#few === undefined || this.#changed.has(slave) ? undefined : this.#few;
  }
}
