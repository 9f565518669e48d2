import type { AllocationRound } from './allocation-round.js';
import type { Applicants } from './applicants.js';
import type { Client } from './clients.js';
import type { Roles } from './roles.js';
import { haveCommon } from './scalar-names.js';
import { inOrder, isBelowActive, precedes, type ShareNode } from './share-node.js';
import type { SlaveBooks } from './slave-books.js';

/** Among so many roles the first is found by comparing all, among more by walking through the tree. */
const fewRoles = 32;
const noNodes: ShareNode[] = [];

/** In what order clients are asked whether they take something of an agent: each once in a walk over it. */
export class Turns {
  readonly #roles: Roles;
  readonly #applicants: Applicants;
  readonly #isByChance: boolean;
  /** The number of the walk: who was seen in it has had a turn. */
  #walk = 0;
  /** Undefined: all clients. */
  #few: readonly Client[] | undefined;
  /** From a role down to where the walk is, as many as there are of them. */
  readonly #path: ShareNode[] = [];
  #depth = 0;
  /** The roles to be walked through after that. */
  #left = noNodes;

  constructor(roles: Roles, applicants: Applicants, isByChance: boolean) {
    this.#roles = roles;
    this.#applicants = applicants;
    this.#isByChance = isByChance;
  }

  /** Begins to walk over another agent. @returns the number of the walk. */
  begin(): number {
    return ++this.#walk;
  }

  /**
   * Looks for the first again, since the order was another before the last gift. In a round for guarantees only those have
   * turns who are below a role that lacks something which the agent has.
   *
   * @param few only these; undefined: all.
   */
  restart(slave: SlaveBooks, round: AllocationRound, few: readonly Client[] | undefined): void {
    this.#few = few;
    this.#depth = 0;
    this.#left = few === undefined && round.isForGuarantees ? this.#short(slave) : noNodes;
    if (few === undefined && !round.isForGuarantees) this.#enter(this.#roles.root);
  }

  /** Who is next; undefined when all have had their turn. Nothing may be given before {@link restart} but to who was last. */
  next(): Client | undefined {
    if (this.#few !== undefined) return this.#nextOf(this.#few);
    for (;;) {
      if (this.#depth === 0 && !this.#enterNext()) return undefined;
      const node = this.#path[this.#depth - 1] as ShareNode;
      const child = node.next();
      if (child === undefined) {
        node.seenIn = this.#walk;
        this.#depth--;
      } else if (child.seenIn !== this.#walk) {
        if (child.client < 0) this.#enter(child);
        else return this.#turnOf(this.#applicants.byNumber(child.client) as Client);
      }
    }
  }

  /**
   * Where only few have turns: whoever goes before that one has had one, as good as, since all of the agent was nothing for
   * them. To be called before it is given a part, if others are to have turns after it.
   */
  passOverBefore({ node }: Client): void {
    if (this.#few === undefined || this.#isByChance) return;
    for (let at: ShareNode = node; at.parent !== undefined; at = at.parent) {
      at.parent.walk();
      for (let one = at.parent.next(); one !== undefined && one !== at; one = at.parent.next()) one.seenIn = this.#walk;
    }
  }

  #nextOf(few: readonly Client[]): Client | undefined {
    let first: Client | undefined;
    for (const client of few)
      if (client.node.seenIn !== this.#walk && isBelowActive(client.node))
        if (first === undefined || precedes(client.node, first.node)) first = client;
    return first === undefined ? undefined : this.#turnOf(first);
  }

  #turnOf(client: Client): Client {
    client.node.seenIn = this.#walk;
    return client;
  }

  #enter(node: ShareNode): void {
    node.walk();
    this.#path[this.#depth++] = node;
  }

  #enterNext(): boolean {
    const left = this.#left;
    if (left.length === 0) return false;
    const first = left.reduce((best, node) => (inOrder(node, best) ? node : best));
    left.splice(left.indexOf(first), 1);
    this.#enter(first);
    return true;
  }

  /** The top-level roles that lack something; all roles, where comparing these would take too long. */
  #short(slave: SlaveBooks): ShareNode[] {
    const short: ShareNode[] = [];
    for (const { node, shortfall } of this.#roles.short) {
      if (node.isActive && node.seenIn !== this.#walk && haveCommon(shortfall, slave.unreserved)) short.push(node);
      // Chance draws from all, in their weights.
      if (short.length > (this.#isByChance ? 0 : fewRoles)) return [this.#roles.root];
    }
    return short;
  }
}
