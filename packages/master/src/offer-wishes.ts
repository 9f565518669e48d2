import type { BodyOf } from '@mesos-ts/process';
import type { RequestResources, ReviveOffers, SuppressOffers } from '@mesos-ts/protocol';
import type { Allocator } from './allocator/allocator.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';

/**
 * What a framework says that it wants to be offered, and in which of its roles (Mesos facts 4.6). What names a role that
 * it is not in is not heeded at all: cut down to nothing it would mean all of them.
 */
export class OfferWishes {
  readonly #acts: MasterActs;
  readonly #allocator: Allocator;

  constructor(acts: MasterActs, allocator: Allocator) {
    this.#acts = acts;
    this.#allocator = allocator;
  }

  suppress(framework: Framework, { roles = [] }: BodyOf<typeof SuppressOffers>): void {
    if (this.#isIn(framework, roles, 'SuppressOffers')) this.#allocator.suppressOffers(framework.id, roles);
  }

  revive(framework: Framework, { roles = [], keepFilters = false }: BodyOf<typeof ReviveOffers>): void {
    if (this.#isIn(framework, roles, 'ReviveOffers')) this.#allocator.reviveOffers(framework.id, roles, keepFilters);
  }

  request(framework: Framework, { demands }: BodyOf<typeof RequestResources>): void {
    const roles = (demands ?? []).map(({ role }) => role);
    if (this.#isIn(framework, roles, 'RequestResources')) this.#allocator.requestResources(framework.id, demands);
  }

  #isIn(framework: Framework, roles: readonly string[], message: string): boolean {
    const own = new Set(framework.info.roles);
    const foreign = roles.find((role) => !own.has(role));
    if (foreign === undefined) return true;
    this.#acts.counters.increment('messages_for_foreign_roles');
    this.#acts.log.warn(
      { framework: framework.id, message, role: foreign },
      'message dropped: it names a foreign role',
    );
    return false;
  }
}
